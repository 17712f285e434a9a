"""Guarded functions whose answer is decided by the input, and routers over them."""

from __future__ import annotations

import asyncio

from schema_guard import About, Router, guard

TOTAL = {
    "type": "object",
    "properties": {"by": {"type": "string"}},
    "required": ["by"],
    "additionalProperties": False,
}
BAD = "no JSON at all"


class Branches:
    """Two guarded functions in one of four shapes, and what they were asked.

    `fails` takes the branch and the input, and says whether the reply is bad; an exception that it gives is raised.
    """

    def __init__(self, shape="def", fails=lambda branch, task: False, store=None, **settings):
        self.asked = []
        self.fails = fails
        both = {"store": store, "max_attempts": 1}
        self.tuned = guard(
            TOTAL,
            **both,
            **{
                "strategy": "bare",
                "about": About(tuned=True, model="small"),
                **settings.pop("tuned", {}),
            },
        )(self.made(shape, "tuned"))
        self.prompt = guard(TOTAL, **both, **{"name": "extract", "about": About(model="large"), **settings})(
            self.made(shape, "prompt")
        )

    def router(self, **settings):
        return Router(tuned=self.tuned, prompt=self.prompt, **settings)

    def reply(self, branch, task):
        self.asked.append((branch, task))
        result = self.fails(branch, task)
        if isinstance(result, BaseException):
            raise result
        return BAD if result else f'{{"by": "{branch}"}}'

    def made(self, shape, branch):
        # A prompt with a strategy's text before it: the task is its last line.
        def plain(prompt):
            return self.reply(branch, prompt.splitlines()[-1])

        async def asynchronous(prompt):
            await asyncio.sleep(0)
            return self.reply(branch, prompt.splitlines()[-1])

        def streaming(prompt):
            text = self.reply(branch, prompt.splitlines()[-1])
            yield from (text[:15], text[15:])

        async def async_streaming(prompt):
            text = self.reply(branch, prompt.splitlines()[-1])
            for piece in (text[:15], text[15:]):
                await asyncio.sleep(0)
                yield piece

        return {
            "def": plain,
            "async def": asynchronous,
            "stream": streaming,
            "async stream": async_streaming,
        }[shape]


SHAPES = ("def", "async def", "stream", "async stream")


def value_of(router, task):
    return _awaited(router, "__call__", task)


def outcome_of(router, task):
    return _awaited(router, "outcome", task)


def streamed(router, task, **settings):
    """The values of a stream."""

    async def collect():
        return [value async for value in router.stream(task, **settings)]

    shown = router.stream(task, **settings)
    if hasattr(shown, "__anext__"):
        asyncio.run(shown.aclose())
        return asyncio.run(collect())
    return list(shown)


def _awaited(router, way, task):
    async def wait():
        shown = getattr(router, way)(task)
        value = await shown
        await router.aflush()
        return value

    if asyncio.iscoroutinefunction(router):
        return asyncio.run(wait())
    value = getattr(router, way)(task)
    assert router.flush() == 0
    return value
