"""Cookies that stand for whoever signed in: for this host alone, over TLS where there is TLS, out of every script's reach, and not sent
along when another site's page asks.

    DESK = Cookie("desk", seconds=12 * 3600)
    DESK.keep(response, ctx, token)
    DESK.read(request, ctx)           the token, or None
    DESK.drop(response, ctx)
"""

from dataclasses import dataclass

from fastapi import Request, Response

from ledger_api.routes.deps import Context


@dataclass(frozen=True, slots=True)
class Cookie:
    word: str
    seconds: int

    def read(self, request: Request, ctx: Context) -> str | None:
        return request.cookies.get(self._name(ctx))

    def keep(self, response: Response, ctx: Context, token: str) -> Response:
        response.set_cookie(
            self._name(ctx), token, max_age=self.seconds, path="/", secure=_is_secure(ctx), httponly=True, samesite="strict"
        )
        return response

    def drop(self, response: Response, ctx: Context) -> Response:
        response.delete_cookie(self._name(ctx), path="/", secure=_is_secure(ctx), httponly=True, samesite="strict")
        return response

    def _name(self, ctx: Context) -> str:
        """`__Host-` binds it to this host and to TLS, where there is TLS (RFC 6265bis §4.1.3)."""
        return f"__Host-{self.word}" if _is_secure(ctx) else self.word


def _is_secure(ctx: Context) -> bool:
    return ctx.settings.base_url.startswith("https:")
