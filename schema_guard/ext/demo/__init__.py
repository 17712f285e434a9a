# SPDX-License-Identifier: Apache-2.0
"""The product in two minutes: measure, validate, and fix a function, on a model that runs on this machine."""
