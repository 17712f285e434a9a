# SPDX-License-Identifier: Apache-2.0
"""Code that several commands share: options, lazy loading of commands, and progress."""
