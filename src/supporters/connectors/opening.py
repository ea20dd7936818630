"""From a connector's row to a sender that can be spoken to, and the secret address at which it reaches us."""

import msgspec

from supporters.connectors.listmonk import Listmonk
from supporters.connectors.mailchimp import Mailchimp
from supporters.connectors.models import SenderKind
from supporters.connectors.wire import Api, Credentials, Sender
from supporters.kit.ids import Ids, is_ulid
from supporters.kit.outside import Outside
from supporters.kit.sealing import Sealer
from supporters.kit.signing import Signer
from supporters.settings import Settings

PURPOSE = "connector-secret"


def open_sender(kind: str, base_url: str, credentials: Credentials, outside: Outside) -> Sender:
    """The sender at that address."""
    api = Api(outside, base_url, credentials)
    return Mailchimp(api) if kind == SenderKind.MAILCHIMP else Listmonk(api)


def seal_credentials(credentials: Credentials, settings: Settings, *, ids: Ids) -> str:
    """Name and key as they are stored."""
    return Sealer(settings.secret_key, PURPOSE).seal(msgspec.json.encode(credentials).decode(), ids=ids)


def open_credentials(sealed: str, settings: Settings) -> Credentials:
    """Name and key as they were entered. Raises SealBroken."""
    return msgspec.json.decode(Sealer(settings.secret_key, PURPOSE).open(sealed), type=Credentials)


def hook_url(connector_id: str, settings: Settings) -> str:
    """The address at which this sender tells us of unsubscribes and bounces. Its end is a secret."""
    return f"{settings.base_url}/hooks/senders/{Signer(settings.secret_key, 'connector-hook').sign(connector_id)}"


def connector_of(token: str, settings: Settings) -> str | None:
    """Whose hook address ends so; None for anything that we did not make."""
    connector_id = Signer(settings.secret_key, "connector-hook").unsign(token)
    return connector_id if connector_id and is_ulid(connector_id) else None
