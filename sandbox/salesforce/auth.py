"""OAuth tokens and the old SOAP login."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import TYPE_CHECKING
from urllib.parse import unquote
from xml.sax.saxutils import escape

from sandbox.core.http import Call, JsonDict, Reply
from sandbox.salesforce.org import API_USER, ORG_ID, USERNAME, Org, Settings

if TYPE_CHECKING:
    from collections.abc import Callable

CLIENT_ID = "3MVG9sandbox.gatepost.consumer.key"
CLIENT_SECRET = "sandbox-consumer-secret"  # noqa: S105 - everybody's, on loopback
PASSWORD = "sandbox-password"  # noqa: S105 - everybody's, on loopback
SECURITY_TOKEN = "SandboxSecurityToken"  # noqa: S105 - everybody's, on loopback
_SHARED_HOSTS = ("login.salesforce.com", "test.salesforce.com")
_LAST_SOAP_VERSION = 64.0
_AUDIENCE = re.compile(r"https://(?:login|test|[\w-]+(?:\.sandbox)?\.my)\.salesforce\.com/?")


@dataclass
class Session:
    """Lives for `token_seconds` after its last use."""

    user: str
    used_at: float


class Login:
    """Who may come in, and with which token."""

    def __init__(self, org: Org, settings: Callable[[], Settings]) -> None:
        self._org = org
        self._settings = settings
        self._numbers = count(1)
        self.sessions: dict[str, Session] = {}
        self._refresh_tokens: dict[str, bool] = {}  # token -> still usable

    # -- sessions

    def user_of(self, call: Call) -> str | None:
        """The user of the bearer token, or None where it is unknown, ended or too old."""
        scheme, _, token = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() not in ("bearer", "oauth"):
            return None
        session = self.sessions.get(token)
        now = self._org.clock.elapsed()
        if session is None or now - session.used_at > self._settings().token_seconds:
            self.sessions.pop(token, None)
            return None
        session.used_at = now
        return session.user

    def end_session(self, call: Call) -> None:
        self.sessions.pop(call.headers.get("authorization", "").partition(" ")[2], None)

    def new_session(self) -> str:
        number = next(self._numbers)
        digest = hashlib.sha256(f"session {number}".encode()).hexdigest()
        token = f"{ORG_ID[:15]}!AQ{digest}"
        self.sessions[token] = Session(API_USER, self._org.clock.elapsed())
        return token

    def new_refresh_token(self) -> str:
        token = "5Aep" + hashlib.sha256(f"refresh {next(self._numbers)}".encode()).hexdigest()
        self._refresh_tokens[token] = True
        return token

    # -- keys

    def private_key(self) -> str:
        """The PEM that the app's owner holds; made at first use."""
        return _key_pair()[0]

    # -- the token endpoint

    def token(self, call: Call) -> Reply:
        call.notes["secret"] = True
        form = call.form()
        grant = form.get("grant_type", "")
        call.notes["grant_type"] = grant
        if self._settings().app_blocked:
            return refused("OAUTH_APP_BLOCKED", "this app is blocked by admin")
        grants = {
            "urn:ietf:params:oauth:grant-type:jwt-bearer": self._by_jwt,
            "client_credentials": self._by_client,
            "refresh_token": self._by_refresh,
            "password": self._by_password,
        }
        if grant not in grants:
            return refused("unsupported_grant_type", "grant type not supported")
        return grants[grant](call, form)

    def _client_problem(self, call: Call, form: dict[str, str]) -> Reply | None:
        client, secret = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, coded = call.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                pair = base64.b64decode(coded).decode()
            except ValueError:
                return refused("invalid_client", "invalid client credentials")
            client, _, secret = (unquote(part) for part in pair.partition(":"))
        if client != CLIENT_ID:
            return refused("invalid_client_id", "client identifier invalid")
        if secret != CLIENT_SECRET:
            return refused("invalid_client", "invalid client credentials")
        return None

    def _by_jwt(self, call: Call, form: dict[str, str]) -> Reply:
        import jwt

        try:
            claims = jwt.decode(
                form.get("assertion", ""), _key_pair()[1], ["RS256"],
                options={"verify_aud": False, "require": ["exp", "iss", "sub", "aud"]},
            )  # fmt: skip
        except jwt.ExpiredSignatureError:
            return refused("invalid_grant", "assertion has expired")
        except jwt.PyJWTError:
            return refused("invalid_grant", "invalid assertion")
        if _AUDIENCE.fullmatch(str(claims["aud"])) is None and claims["aud"] != call.base_url:
            return refused("invalid_grant", "audience is invalid")
        return self._for_claims(call, claims)

    def _for_claims(self, call: Call, claims: JsonDict) -> Reply:
        if claims.get("iss") != CLIENT_ID:
            return refused("invalid_client_id", "client identifier invalid")
        if claims.get("sub") != USERNAME:
            return refused("invalid_grant", "user hasn't approved this consumer")
        if not self._settings().approved:
            return refused("invalid_grant", "user hasn't approved this consumer")
        return self._granted(call)

    def _by_client(self, call: Call, form: dict[str, str]) -> Reply:
        if call.host in _SHARED_HOSTS:
            return refused("invalid_grant", "request not supported on this domain")
        problem = self._client_problem(call, form)
        if problem is not None:
            return problem
        if not self._settings().run_as_user:
            return refused("invalid_grant", "no client credentials user enabled")
        return self._granted(call)

    def _by_password(self, call: Call, form: dict[str, str]) -> Reply:
        problem = self._client_problem(call, form)
        if problem is not None:
            return problem
        if form.get("username") != USERNAME or form.get("password") not in _PASSWORDS:
            return refused("invalid_grant", "authentication failure")
        return self._granted(call)

    def _by_refresh(self, call: Call, form: dict[str, str]) -> Reply:
        problem = self._client_problem(call, form)
        if problem is not None:
            return problem
        token = form.get("refresh_token", "")
        if not self._refresh_tokens.get(token):
            if token in self._refresh_tokens:  # a second use: the whole family is ended
                self._refresh_tokens = dict.fromkeys(self._refresh_tokens, False)
                self.sessions.clear()
            return refused("invalid_grant", "expired access/refresh token")
        if not self._settings().rotation:
            return self._granted(call)
        self._refresh_tokens[token] = False
        return self._granted(call, self.new_refresh_token())

    def _granted(self, call: Call, refresh_token: str = "") -> Reply:
        issued = str(self._org.clock.milliseconds())
        identity = f"https://login.salesforce.com/id/{ORG_ID}/{API_USER}"
        signature = base64.b64encode(hashlib.sha256(f"{identity}{issued}".encode()).digest())
        body: JsonDict = {
            "access_token": self.new_session(), "signature": signature.decode(), "scope": "api",
            "instance_url": instance_url(call), "id": identity, "token_type": "Bearer",
            "issued_at": issued, "api_instance_url": "https://api.salesforce.com",
        }  # fmt: skip
        if refresh_token:
            body["refresh_token"] = refresh_token
        return Reply.of_json(body)

    # -- SOAP

    def soap(self, call: Call) -> Reply:
        call.notes["secret"] = True
        text = call.content().decode("utf-8", "replace")
        version = call.params["version"]
        known = re.fullmatch(r"\d{1,2}\.\d", version) and float(version) <= _LAST_SOAP_VERSION
        if not self._settings().soap_login or not known:
            return _fault("UNSUPPORTED_API_VERSION", "SOAP login is not available in this version")
        given = [
            re.search(rf"<n1:{tag}>(.*?)</n1:{tag}>", text, re.DOTALL)
            for tag in ("username", "password")
        ]
        user, password = (found[1] if found else "" for found in given)
        if user != USERNAME or password not in _PASSWORDS:
            why = "Invalid username, password, security token; or user locked out."
            return _fault("INVALID_LOGIN", why)
        url = f"{instance_url(call)}/services/Soap/u/{call.params['version']}/{ORG_ID[:15]}"
        return _envelope(
            f"<loginResponse><result><passwordExpired>false</passwordExpired>"
            f"<sandbox>true</sandbox><serverUrl>{escape(url)}</serverUrl>"
            f"<sessionId>{self.new_session()}</sessionId><userId>{API_USER}</userId>"
            "</result></loginResponse>",
            200,
        )


_PASSWORDS = (PASSWORD, PASSWORD + SECURITY_TOKEN)


@cache
def _key_pair() -> tuple[str, str]:
    """Private and public PEM, one pair for the process: making one takes a while."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()
    ).decode()
    public = (
        key.public_key()
        .public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
        .decode()
    )
    return private, public


def instance_url(call: Call) -> str:
    """A client that logged in at the shared hosts is sent to the org's own."""
    if call.host in _SHARED_HOSTS:
        return "https://acme.my.salesforce.com"
    return call.base_url


def refused(code: str, description: str) -> Reply:
    """OAuth's own error form: an object, not an array."""
    return Reply.of_json({"error": code, "error_description": description}, 400)


def _fault(code: str, message: str) -> Reply:
    return _envelope(
        f"<soapenv:Fault><faultcode>{code}</faultcode><faultstring>{code}: {message}</faultstring>"
        f'<detail><sf:LoginFault xmlns:sf="urn:fault.partner.soap.sforce.com"><sf:exceptionCode>'
        f"{code}</sf:exceptionCode><sf:exceptionMessage>{message}</sf:exceptionMessage>"
        "</sf:LoginFault></detail></soapenv:Fault>",
        500,
    )


def _envelope(body: str, status: int) -> Reply:
    return Reply.of_text(
        '<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope '
        'xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns="urn:partner.soap.sforce.com">'
        f"<soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>",
        status,
        "text/xml;charset=UTF-8",
    )
