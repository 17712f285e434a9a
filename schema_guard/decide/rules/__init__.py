# SPDX-License-Identifier: Apache-2.0
"""The rules that give the verdict: what each decides, and the order in which they are asked."""
