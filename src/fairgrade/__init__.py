"""Grade nbgrader courses fairly, safely and fast: for teachers, on any course.

Learners' code runs in a sandbox of its own; tests run outside it and hear only data.
"""
