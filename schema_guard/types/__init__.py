# SPDX-License-Identifier: Apache-2.0
"""Python types as schemas: their JSON Schemas, their values, and their conversions."""
