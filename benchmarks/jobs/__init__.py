"""What is measured of ours, by the functions that the product itself uses.

A module loads what its jobs need, and no more: its imports are part of what a whole process costs.
"""
