"""A chisel that counts."""

import scappy


class Counting(scappy.Chisel):
    """Counts the events of each process."""

    name = "counting"
    description = "Counts the events of each process."
    category = "Tests"
    arguments = (scappy.chisels.Argument("least", "fewer are not shown", int, optional=True),)
    fields = ("proc.name",)

    least = 0

    def on_capture_start(self) -> None:
        self.counts: dict[str, int] = {}

    def on_event(self, event: scappy.Event) -> None:
        name = event.get("proc.name", "<NA>")
        self.counts[name] = self.counts.get(name, 0) + 1

    def result(self) -> object:
        return {name: count for name, count in self.counts.items() if count >= self.least}

    def on_capture_end(self) -> None:
        for name, count in sorted(self.counts.items()):
            if count >= self.least:
                self.print(f"{count} {name}")
