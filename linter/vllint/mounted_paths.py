"""Whether a container that runs vLLM's own image sees a path."""

from __future__ import annotations

from vllint.facts import LaunchFacts
from vllint.vllm.version import split_image

_IN_EVERY_CONTAINER = ("/dev/", "/proc/", "/opt/", "/usr/", "/vllm-workspace/", "/workspace/")
"""Folders in which an image or the host may have put a file without being asked."""


def unmounted(facts: LaunchFacts, path: str) -> tuple[str, ...] | None:
    """Return what is mounted instead, where nothing that is can hold an absolute `path`; `None` otherwise.

    Only launches whose image starts the server by itself, and whose mounts are all known, are judged.
    """
    container = facts.launch.container
    if container is None or not _starts_by_itself(facts):
        return None
    if not path.startswith("/") or f"{path}/".startswith(_IN_EVERY_CONTAINER):
        return None
    if any("?" in target or _holds(target, path) for target in container.mount_targets):
        return None
    return container.mount_targets


def _starts_by_itself(facts: LaunchFacts) -> bool:
    """Whether vLLM's own image starts the server, and all that is mounted is known."""
    launch, container = facts.launch, facts.launch.container
    image = launch.image
    if container is None or image is None or not image.is_known or not split_image(image.text).is_official:
        return False
    direct = not launch.repeated_launcher and not launch.in_script
    complete = container.open_ended is None and not container.builds_image
    return direct and complete and container.kind != "kubernetes"


def _holds(target: str, path: str) -> bool:
    return f"{path}/".startswith(f"{target.rstrip('/')}/")
