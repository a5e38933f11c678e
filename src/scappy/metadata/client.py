"""Objects of a cluster from its API server, through the official client."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from scapcore.errors import MissingDependencyError, SourceError
from scappy.metadata.reading import RawObjects

__all__ = ["Credentials", "fetch_objects"]

#: Kinds with the group of the API and the method of the client that lists them.
LISTS = (
    ("Namespace", "CoreV1Api", "list_namespace"),
    ("Node", "CoreV1Api", "list_node"),
    ("Pod", "CoreV1Api", "list_pod_for_all_namespaces"),
    ("Service", "CoreV1Api", "list_service_for_all_namespaces"),
    ("ReplicationController", "CoreV1Api", "list_replication_controller_for_all_namespaces"),
    ("EndpointSlice", "DiscoveryV1Api", "list_endpoint_slice_for_all_namespaces"),
    ("ReplicaSet", "AppsV1Api", "list_replica_set_for_all_namespaces"),
    ("Deployment", "AppsV1Api", "list_deployment_for_all_namespaces"),
    ("DaemonSet", "AppsV1Api", "list_daemon_set_for_all_namespaces"),
    ("StatefulSet", "AppsV1Api", "list_stateful_set_for_all_namespaces"),
    ("Job", "BatchV1Api", "list_job_for_all_namespaces"),
    ("CronJob", "BatchV1Api", "list_cron_job_for_all_namespaces"),
)
#: Without pods nothing else is of use.
NEEDED = "Pod"
PAGE = 500
#: Seconds: to connect, and for an answer.
TIMEOUTS = (5.0, 30.0)
#: Pauses in seconds before each further try.
PAUSES = (0.2, 1.0, 3.0)
#: How often a list is begun anew because its pages went stale.
RESTARTS = 3
GONE, UNAUTHORIZED, TOO_MANY, SERVER = 410, 401, 429, 500


class Refused(Exception):
    """The server answers, but not with a list; or it does not answer, with 0 for the status."""

    def __init__(self, status: int, reason: str) -> None:
        self.status = status
        super().__init__(f"the server answers {status} {reason}".rstrip() if status else reason)


@dataclass(frozen=True)
class Credentials:
    """Who asks, as files in PEM form or that of a token.

    Attributes
    ----------
    token : str
        File with a bearer token.
    certificate, key, password : str
        File of the client's certificate, file of its key, and the key's password.
    authority : str
        File of the authority that the server's certificate comes from; without one those of the system count.
    """

    token: str = ""
    certificate: str = ""
    key: str = ""
    password: str = ""
    authority: str = ""

    @classmethod
    def of(cls, text: str) -> Credentials:
        """Read them as sysdig's option ``-K`` takes them: ``TOKEN``, or ``CERTIFICATE:KEY[#PASSWORD][:AUTHORITY]``.

        Examples
        --------
        >>> Credentials.of("me.pem:me.key#secret:ca.pem")
        Credentials(token='', certificate='me.pem', key='me.key', password='secret', authority='ca.pem')

        Raises
        ------
        SourceError
            If there are too many parts.
        """
        certificate, *rest = text.split(":")
        if not rest:
            return cls(token=certificate)
        if len(rest) > 2 or not certificate or not rest[0]:
            raise SourceError("credentials are TOKENFILE or CERTIFICATE:KEY[#PASSWORD][:AUTHORITY]")
        key, _, password = rest[0].partition("#")
        return cls(certificate=certificate, key=key, password=password, authority=rest[1] if len(rest) == 2 else "")


def fetch_objects(
    server: str | None = None,
    credentials: Credentials | None = None,
    *,
    timeouts: tuple[float, float] = TIMEOUTS,
    pauses: tuple[float, ...] = PAUSES,
    page: int = PAGE,
) -> RawObjects:
    """Ask the API server of a cluster for all objects that fields tell about.

    Parameters
    ----------
    server : str, optional
        Its URL, which may hold a user and password. Without it the kubeconfig counts (``KUBECONFIG``, or
        ``~/.kube/config``), or in a pod its service account.
    credentials : Credentials, optional
        Who asks, where a URL is given.
    timeouts : pair of float
        Seconds to connect, and for an answer.
    pauses : tuple of float
        Seconds before each further try of a request that failed.
    page : int
        Objects of an answer at the most.

    Returns
    -------
    RawObjects
        The objects, and which of them could not be had.

    Raises
    ------
    MissingDependencyError
        If the official client is not installed.
    SourceError
        If the server cannot be reached, or does not tell its pods.
    """
    try:
        client = import_module("kubernetes.client")
    except ImportError as error:
        raise MissingDependencyError("kubernetes", "k8s", "asking an API server") from error
    configuration = configured(client, server, credentials or Credentials())
    configuration.retries = False       # what is tried again is decided here
    name = without_password(str(configuration.host))
    objects: list[Mapping[str, Any]] = []
    found = RawObjects(name, objects)
    with client.ApiClient(configuration) as connection:
        if credentials is not None and credentials.password:
            connection.rest_client.pool_manager.connection_pool_kw["key_password"] = credentials.password
        if configuration.username and not configuration.api_key:
            connection.set_default_header("Authorization", configuration.get_basic_auth_token())
        for kind, group, method in LISTS:
            api = getattr(client, group)(connection)

            def ask(token: str, api: Any = api, method: str = method) -> Mapping[str, Any]:
                return answer(api, method, token, page, timeouts)

            try:
                objects += whole_list(kind, ask, pauses)
            except Refused as error:
                if kind == NEEDED or error.status == UNAUTHORIZED or not (error.status or objects):
                    raise SourceError(f"{name}: {error}") from error
                found.problems.append(f"no objects of the kind {kind}: {error}")
    return found


def configured(client: Any, server: str | None, credentials: Credentials) -> Any:
    """The client's configuration."""
    configuration = client.Configuration()
    if server is None:
        config = import_module("kubernetes.config")
        try:
            # The client's own choice between the two prints something.
            if "KUBECONFIG" in os.environ or os.path.exists(os.path.expanduser("~/.kube/config")):
                config.load_kube_config(client_configuration=configuration)
            else:
                config.load_incluster_config(client_configuration=configuration)
        except (config.ConfigException, OSError, ValueError, TypeError) as error:
            raise SourceError(f"no cluster is configured: {one_line(error)}") from error
        return configuration
    parts = urlsplit(server)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SourceError(f"{without_password(server)}: neither a file nor the URL of an API server, which begins with http:// or https://")
    if parts.username:
        configuration.username, configuration.password = parts.username, parts.password or ""
    configuration.host = without_password(server).rstrip("/")
    configuration.ssl_ca_cert = credentials.authority or None
    configuration.cert_file = credentials.certificate or None
    configuration.key_file = credentials.key or None
    for path in (credentials.token, credentials.authority, credentials.certificate, credentials.key):
        if path and not os.path.isfile(path):
            raise SourceError(f"{path}: no such file")
    if credentials.token:
        token = Path(credentials.token).read_text(encoding="utf-8", errors="replace").strip()
        configuration.api_key["BearerToken"] = configuration.api_key["authorization"] = f"Bearer {token}"
    return configuration


def without_password(server: str) -> str:
    """A URL that can be shown."""
    parts = urlsplit(server)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def answer(api: Any, method: str, token: str, page: int, timeouts: tuple[float, float]) -> Mapping[str, Any]:
    """One page of a list as JSON, without the client's models: other versions of the API have other fields."""
    options: dict[str, Any] = {"limit": page, "_request_timeout": timeouts}
    if token:
        options["_continue"] = token
    raw = getattr(api, f"{method}_without_preload_content", None)
    try:
        response = raw(**options) if raw is not None else getattr(api, method)(_preload_content=False, **options)
        status, reason, data = response.status, response.reason, response.data
    except import_module("kubernetes.client.exceptions").ApiException as error:
        raise Refused(error.status or 0, error.reason or "") from error
    if status != 200:
        raise Refused(status, reason or "")
    try:
        content = json.loads(data)
    except ValueError as error:
        raise Refused(status, "with something that is no JSON") from error
    if not isinstance(content, dict) or not isinstance(content.get("items"), list):
        raise Refused(status, "with something that is no list")
    return content


def whole_list(kind: str, ask: Callable[[str], Mapping[str, Any]], pauses: tuple[float, ...]) -> list[Mapping[str, Any]]:
    """All pages of a list; from the start again where the server has forgotten what it was telling."""
    for _ in range(RESTARTS):
        found: list[Mapping[str, Any]] = []
        token = ""
        told: set[str] = set()
        try:
            while True:
                content = patiently(lambda token=token: ask(token), pauses)  # type: ignore[misc]
                found += [pruned({"kind": kind, **item}) for item in content["items"] if isinstance(item, dict)]
                metadata = content.get("metadata")
                token = str(metadata.get("continue") or "") if isinstance(metadata, dict) else ""
                if not token:
                    return found
                if token in told:
                    raise Refused(200, "with a list that goes round in circles")
                told.add(token)
        except Refused as error:
            if error.status != GONE:
                raise
    raise Refused(GONE, "Gone, again and again")


def patiently(ask: Callable[[], Mapping[str, Any]], pauses: tuple[float, ...]) -> Mapping[str, Any]:
    """Ask until there is an answer, or it is clear that none comes."""
    errors = import_module("urllib3.exceptions")
    for pause in (*pauses, None):
        try:
            return ask()
        except Refused as error:
            if pause is None or (error.status < SERVER and error.status not in (0, TOO_MANY)):
                raise
        except (errors.HTTPError, OSError) as error:
            if pause is None:
                raise Refused(0, f"it cannot be reached: {one_line(error)}") from error
        time.sleep(pause)
    raise AssertionError


def one_line(error: BaseException) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split())


def pruned(item: dict[str, Any]) -> dict[str, Any]:
    """An object without what no field tells: who changed it, and what its programs are told in secret."""
    metadata = item.get("metadata")
    if isinstance(metadata, dict):
        metadata.pop("managedFields", None)
        if isinstance(metadata.get("annotations"), dict):
            metadata["annotations"].pop("kubectl.kubernetes.io/last-applied-configuration", None)
    spec = item.get("spec")
    template = spec.get("template") if isinstance(spec, dict) else None
    for part in (spec, template.get("spec") if isinstance(template, dict) else None):
        if not isinstance(part, dict):
            continue
        for key in ("containers", "initContainers", "ephemeralContainers"):
            for container in part[key] if isinstance(part.get(key), list) else ():
                if isinstance(container, dict):
                    container.pop("env", None)
    return item
