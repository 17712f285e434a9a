# SPDX-License-Identifier: Apache-2.0
"""Check and compile schemas, and find the violations of instances."""
