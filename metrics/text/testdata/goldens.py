"""Writes goldens.json: error counts of jiwer, distances of rapidfuzz, relaxed forms of Python.

Needs jiwer 4.0.0 and rapidfuzz 3 (which it brings). Run in this folder: python goldens.py
"""

import json
import random
import re

import jiwer
from rapidfuzz.distance import Levenshtein

rng = random.Random(5)
ALPHABETS = [
    "abc ",
    "aAbB ,.'",
    "ab \t\n  \u00a0\u3000\x1c\x85",
    "eée\u0301n\u0303ñ ",
    "日本語テキスト ",
    "नमस्ते दुनिया",
    "a👍🏽👩‍👩‍👧🇩🇪🏳️‍🌈 ",
    "ıİiIſKkÅ0９ß ",
    "\U00010348\U0001d54f\U0010fffdx\u200b\ufeff ",
    "العربية ",
]


def word(alphabet):
    return "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 14)))


def damage(s, alphabet):
    out = list(s)
    for _ in range(rng.randint(0, 4)):
        i = rng.randint(0, len(out))
        kind = rng.randint(0, 2)
        if kind == 0:
            out.insert(i, rng.choice(alphabet))
        elif i < len(out):
            if kind == 1:
                del out[i]
            else:
                out[i] = rng.choice(alphabet)
    return "".join(out)


pairs = [("", ""), ("", "a"), ("a", ""), (" ", ""), (" a ", "a"), ("a\tb", "a b"), ("a\t\tb", "a b"),
         ("This is a test", "This test"), ("X Y X", "X Z"), ("X", "X X Y Y")]
for alphabet in ALPHABETS:
    for _ in range(25):
        a = word(alphabet)
        pairs.append((a, damage(a, alphabet) if rng.random() < 0.8 else word(alphabet)))

cases = []
for ref, got in pairs:
    w, c = jiwer.process_words(ref, got), jiwer.process_characters(ref, got)
    edits = lambda o: o.substitutions + o.insertions + o.deletions
    cases.append({
        "ref": ref, "got": got,
        "words": [edits(w), len(w.references[0])], "chars": [edits(c), len(c.references[0])],
        "distance": Levenshtein.distance(ref, got), "similarity": Levenshtein.normalized_similarity(ref, got),
        "relaxed": [re.sub("[^0-9a-z]", "", s.lower()) for s in (ref, got)],
    })

refs, gots = [p[0] for p in pairs], [p[1] for p in pairs]
with open("goldens.json", "w") as f:
    json.dump({"source": "jiwer 4.0.0", "wer": jiwer.wer(refs, gots), "cer": jiwer.cer(refs, gots), "cases": cases},
              f, ensure_ascii=True, indent=0)
    f.write("\n")
