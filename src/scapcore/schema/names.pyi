def known_names() -> frozenset[str]:
    """Every name that an event can be shown with: those of types and of system calls, classic and modern."""
