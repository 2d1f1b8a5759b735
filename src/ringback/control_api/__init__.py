"""The control API under ``/_ringback/``: it gives tests control over phones, clocks, faults and callbacks."""
