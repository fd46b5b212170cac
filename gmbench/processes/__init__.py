"""How anything is started, once: children, their limits, what outside files declare, the lock of timings."""
