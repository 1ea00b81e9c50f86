"""Prints the resamples that TestPlanIsPinned expects, from the description alone.

Needs nothing but Python. PCG-DXSM 128/64 as in Go's math/rand/v2.
"""

M64, M128 = (1 << 64) - 1, (1 << 128) - 1


def mix(x):  # SplitMix64
    x = (x + 0x9E3779B97F4A7C15) & M64
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & M64
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & M64
    return x ^ x >> 31


def words(seed, resample):
    state = mix(seed ^ mix(1)) << 64 | mix(resample)
    while True:
        state = (state * (2549297995355413924 << 64 | 4865540595714422341)
                 + (6364136223846793005 << 64 | 1442695040888963407)) & M128
        hi, lo = state >> 64, state & M64
        hi ^= hi >> 32
        hi = hi * 0xDA942042E4DD58B5 & M64
        hi ^= hi >> 48
        hi = hi * (lo | 1) & M64
        yield hi & 0xFFFFFFFF
        yield hi >> 32


def counts(clusters, seed, resample):
    out, halves = [0] * clusters, words(seed, resample)
    for _ in range(clusters):
        for half in halves:
            product = half * clusters
            if product & 0xFFFFFFFF >= (1 << 32) % clusters:
                break
        out[product >> 32] += 1
    return out


for r in range(3):
    print(counts(10, 42, r))
