#!/usr/bin/env bash
# Runs a suite, compares the run with a baseline, and leaves everything that a CI
# service can show in one folder. Any service that can run a shell can run this; the
# composite Action in action.yml does.
#
#   VTBENCH_TOKENIZERS='mine=process:python3 my_tok.py' \
#   VTBENCH_BASELINE=baselines/text.vtbench.json.gz VTBENCH_GATES=gates.yaml \
#   examples/ci/compare.sh
#
# Settings, by environment; lists have one entry a line:
#   VTBENCH             the program (default: vtbench)
#   VTBENCH_SUITE       suite, or the path of a suite file (default: text)
#   VTBENCH_TOKENIZERS  tokenizers to run (default: the suite's)
#   VTBENCH_RUN_ARGS    further arguments of `vtbench run`, one a line
#   VTBENCH_RUN         a run that is there already; nothing is run then
#   VTBENCH_BASELINE    baseline file or run directory, #TOKENIZER allowed
#   VTBENCH_GATES       gates file (default: none, and nothing fails)
#   VTBENCH_COMPARE_ARGS  further arguments of `vtbench compare`, one a line
#   VTBENCH_OUT         folder for the results (default: vtbench-out)
#   VTBENCH_KEY         tells several comparisons of one pull request apart
#   VTBENCH_COMMIT      what is measured, for the comment
#   VTBENCH_PR          number of the pull request, kept for a later publisher
#
# Exit status: that of `vtbench compare` (3: a gate failed), else that of `vtbench
# run` (4: some items failed). The folder holds
#   compare.json comment.md junit.xml annotations.txt run/
#   new-baseline.vtbench.json.gz   commit this in place of the baseline to accept the change
set -euo pipefail

vtbench=${VTBENCH:-vtbench}
suite=${VTBENCH_SUITE:-text}
out=${VTBENCH_OUT:-vtbench-out}
run=${VTBENCH_RUN:-}
baseline=${VTBENCH_BASELINE:-}

# lines PREFIX LIST: the entries of a list, each behind PREFIX where there is one.
lines() {
  local prefix=$1 entry
  args=()
  while IFS= read -r entry; do
    entry=${entry#"${entry%%[![:space:]]*}"}
    entry=${entry%"${entry##*[![:space:]]}"}
    [ -n "$entry" ] || continue
    if [ -n "$prefix" ]; then args+=("$prefix"); fi
    args+=("$entry")
  done <<<"$2"
}

mkdir -p "$out"
# Where this ends early, nobody shall take what an earlier call left for its results.
for file in pr compare.json comment.md summary.md junit.xml annotations.txt new-baseline.vtbench.json.gz; do
  rm -f "$out/$file"
done
if [ -n "${VTBENCH_PR:-}" ]; then
  printf '%s\n' "$VTBENCH_PR" >"$out/pr"
fi

ran=0
if [ -z "$run" ]; then
  run=$out/run
  lines --tokenizer "${VTBENCH_TOKENIZERS:-}"
  tokenizers=(${args[@]+"${args[@]}"})
  lines '' "${VTBENCH_RUN_ARGS:-}"
  "$vtbench" run --suite "$suite" ${tokenizers[@]+"${tokenizers[@]}"} ${args[@]+"${args[@]}"} -o "$run" || ran=$?
  # 4: some items failed. That is for the comparison to count and for gates to judge.
  if [ "$ran" -ne 0 ] && [ "$ran" -ne 4 ]; then
    exit "$ran"
  fi
fi

new=$out/new-baseline.vtbench.json.gz
"$vtbench" baseline save "${run}" -o "$new"

if [ -z "$baseline" ] || [ ! -e "${baseline%%#*}" ]; then
  echo "there is no baseline ${baseline:-(VTBENCH_BASELINE is not set)} yet: take $new, commit it, and name it in VTBENCH_BASELINE" >&2
  exit 2
fi

gates=()
if [ -n "${VTBENCH_GATES:-}" ]; then
  gates=(--gates "$VTBENCH_GATES")
fi
named=()
if [ -n "${VTBENCH_KEY:-}" ]; then
  named+=(--key "$VTBENCH_KEY")
fi
if [ -n "${VTBENCH_COMMIT:-}" ]; then
  named+=(--commit "$VTBENCH_COMMIT")
fi
lines '' "${VTBENCH_COMPARE_ARGS:-}"

compared=0
"$vtbench" compare "$baseline" "$run" ${gates[@]+"${gates[@]}"} ${named[@]+"${named[@]}"} ${args[@]+"${args[@]}"} \
  --also json="$out/compare.json" \
  --also markdown="$out/comment.md" \
  --also summary="$out/summary.md" \
  --also junit="$out/junit.xml" \
  --also annotations="$out/annotations.txt" || compared=$?

# Where nothing could be compared (4) the files say why, if there are any.
if [ -s "$out/summary.md" ] && [ -s "$out/annotations.txt" ]; then
  if [ -n "${GITHUB_STEP_SUMMARY:-}" ]; then
    cat "$out/summary.md" >>"$GITHUB_STEP_SUMMARY"
  fi
  if [ "${GITHUB_ACTIONS:-}" = true ]; then
    cat "$out/annotations.txt"
  fi
fi
if [ "$compared" -ne 0 ]; then
  exit "$compared"
fi
exit "$ran"
