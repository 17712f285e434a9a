# SPDX-License-Identifier: Apache-2.0
"""The names of what is told: those of OpenTelemetry's conventions for GenAI, and our own.

The conventions as of November 2026 (github.com/open-telemetry/semantic-conventions-genai, all of it in development);
written down here, so that no package of constants is needed and a release of theirs changes nothing by itself.
"""

from __future__ import annotations

SCOPE = "schema_guard"

EVENT = "gen_ai.evaluation.result"
EVALUATION_NAME = "gen_ai.evaluation.name"
SCORE_VALUE = "gen_ai.evaluation.score.value"
SCORE_LABEL = "gen_ai.evaluation.score.label"
ERROR_TYPE = "error.type"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
OUTPUT_TYPE = "gen_ai.output.type"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_INPUT_TOKENS = "gen_ai.usage.cache_read.input_tokens"
REASONING_TOKENS = "gen_ai.usage.reasoning.output_tokens"
TOKEN_TYPE = "gen_ai.token.type"  # noqa: S105 - no secret

FUNCTION = "schema_guard.function"
SCHEMA = "schema_guard.schema.name"
FINGERPRINT = "schema_guard.schema.fingerprint"
VERSION = "schema_guard.version"
STRATEGIES = "schema_guard.strategies"
STRATEGY = "schema_guard.strategy"
SEGMENT = "schema_guard.segment"
CALL_ID = "schema_guard.call.id"
PARENT_CALL_ID = "schema_guard.call.parent_id"
NUMBER = "schema_guard.attempt.number"
FORM = "schema_guard.form"
STOPPED_AT = "schema_guard.attempt.stopped_at"
ESTIMATED_TOKENS = "schema_guard.attempt.estimated_output_tokens"
LOCATIONS = "schema_guard.violation.instance_locations"
KEYWORDS = "schema_guard.violation.keywords"
ATTEMPTS = "schema_guard.attempts"
WAY = "schema_guard.way"
KIND = "schema_guard.failure.kind"
CODE = "schema_guard.failure.code"
COST = "schema_guard.cost"
REASON = "schema_guard.reason"

EVALUATION = "schema_validity"
"""What every attempt is evaluated for."""
OTHER_PROVIDER = "_OTHER"
# By provider; every other provider is its own name.
PROVIDERS = {
    "openai-responses": "openai",
    "gemini": "gcp.gemini",
    "bedrock": "aws.bedrock",
    "mistral": "mistral_ai",
}
