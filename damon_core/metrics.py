"""What people read off a region: rate, frequency, age, idle time, temperature, DAMOS score.

Every function takes single numbers or NumPy arrays and gives the same shape back.  The formulas are
those of damo and of the kernel (facts: semantics of DAMON, section 14).
"""

from __future__ import annotations

from typing import Any

import numpy as np


def percent(nr_accesses: Any, nr_samples: Any) -> Any:
    """Samples with an access, in whole percent of the samples of the window, rounded down."""
    share = nr_accesses * 100 / np.maximum(nr_samples, 1)  # none: a primitive failed at once
    return share.astype(np.int64) if isinstance(share, np.ndarray) else int(share)


def rate_bp(nr_accesses: Any, nr_samples: Any) -> Any:
    """Samples with an access, in whole basis points (1/10,000) of the samples of the window."""
    samples = np.maximum(nr_samples, 1)
    return _like(nr_accesses, np.asarray(nr_accesses, np.int64) * 10_000 // samples)


def hz(nr_accesses: Any, aggr_us: Any) -> Any:
    """Samples with an access per second of the window."""
    return nr_accesses / (aggr_us / 1_000_000)


def age_us(age: Any, aggr_us: Any) -> Any:
    """For how long a region has kept a similar rate, in microseconds."""
    return _wide(age) * aggr_us


def idle_us(nr_accesses: Any, age: Any, aggr_us: Any) -> Any:
    """Time since the last access, damo's "recency": 0 if accessed, else age and this window."""
    return (_wide(age) + 1) * aggr_us * (nr_accesses == 0)


def used_bytes(size: Any, nr_accesses: Any, accessed_bytes: Any) -> Any:
    """Bytes in use: the accessed ones; where these are unknown (NaN), all of an accessed region."""
    whole = np.where(np.asarray(nr_accesses) > 0, size, 0.0)
    return _like(nr_accesses, np.where(np.isnan(accessed_bytes), whole, accessed_bytes))


def temperature(
    size: Any, rate: Any, age_us: Any, weights: tuple[int, int, int] = (0, 100, 100)
) -> Any:
    """damo's temperature: weighted sum of bytes, percent and microseconds, negative where idle."""
    size_weight, rate_weight, age_weight = weights
    heat = _wide(size) * size_weight + _wide(rate) * rate_weight + _wide(age_us) * age_weight
    return heat * (1 - 2 * (_wide(rate) == 0))


def hot_score(
    nr_accesses: Any,
    age: Any,
    *,
    nr_samples: int,
    aggr_us: int,
    freq_weight: int = 1,
    age_weight: int = 1,
) -> Any:
    """DAMOS priority of hot regions, 0 to 99: the rate and the logarithm of the age, weighted."""
    freq = np.asarray(nr_accesses, np.int64) * 100 // nr_samples
    age_seconds = np.asarray(age, np.int64) * aggr_us // 1_000_000
    log_age = np.minimum(np.frexp(age_seconds.astype(np.float64))[1], 32)
    signed = np.where(freq == 0, -log_age, log_age)
    age_part = (signed + 32) * 100 // 32 // 2
    score = freq_weight * freq + age_weight * age_part
    if freq_weight + age_weight:
        score = score // (freq_weight + age_weight)
    return _like(nr_accesses, np.clip(score * 99 // 100, 0, 99))


def cold_score(
    nr_accesses: Any,
    age: Any,
    *,
    nr_samples: int,
    aggr_us: int,
    freq_weight: int = 1,
    age_weight: int = 1,
) -> Any:
    """DAMOS priority of cold regions: 99 less the hot score."""
    return 99 - hot_score(
        nr_accesses,
        age,
        nr_samples=nr_samples,
        aggr_us=aggr_us,
        freq_weight=freq_weight,
        age_weight=age_weight,
    )


def _wide(number: Any) -> Any:
    """64-bit columns for narrower ones; plain numbers have no width."""
    return number.astype(np.int64) if isinstance(number, np.ndarray) else number


def _like(given: Any, result: Any) -> Any:
    """A plain number for a plain number."""
    return result if isinstance(given, np.ndarray) else np.asarray(result).item()
