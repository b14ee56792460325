"""Where the problems of math_symbolic come from.

problems   our own: fractions, equations, percentages, brackets, with their solutions
gym        generators of the package reasoning-gym, an optional extra
"""
