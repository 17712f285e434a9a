# SPDX-License-Identifier: Apache-2.0
"""Decoration: the kind of function, its parameters, its name, its version, and the plan of its calls."""
