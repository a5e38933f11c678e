"""The options about a cluster, for all commands that have them."""

from __future__ import annotations

from scappy.cli.options import Option

__all__ = ["CREDENTIALS", "SERVER", "SNAPSHOT"]

SERVER = Option(
    "server", "k", "k8s-api", "URL", "ask this API server (auto: that of the kubeconfig, or of the pod's account), or join a file"
)
CREDENTIALS = Option("credentials", "K", "k8s-api-cert", "FILES", "as TOKENFILE or CERTIFICATE:KEY[#PASSWORD][:AUTHORITY]")
SNAPSHOT = Option("k8s", "", "k8s", "FILE", "join the objects of the cluster in FILE, as kubectl get … -A -o json prints them")
