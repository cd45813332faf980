"""The rules of monitoring in slow, plain Python; tests compare the C engine with them.

One module per noun: ``draws`` (random numbers), ``regions``, ``ranges``, ``ticks`` (time),
``reports`` (filters and matching), ``context`` (all together).
"""
