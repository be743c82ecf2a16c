"""Isocenter beside its peers: the same work, the same machine, the same run.

`python -m benchmarks` (or `scripts/bench`) starts every server itself, on the loopback interface
and on one disk, checks that each kept what it was sent, and prints medians and ratios as a table.

dataset      the objects that are stored, made from a seed
association  a lean Storage SCU that keeps prepared PDUs in memory, not isocenter.dimse
webclient    a lean HTTP client that reuses one buffer, not isocenter.dicomweb
process      a server as an operating system process: its start, end, processor time and memory
servers      Isocenter and its peers, each with the configuration that is measured
bench        what every row needs: data, servers that are already filled, a working directory
row          one line of the table: its contenders, its targets, how it is timed
storing, querying, retrieving, viewing, idling, largeobject    the rows
report       the table
targets      which rows of a saved run fall short
"""
