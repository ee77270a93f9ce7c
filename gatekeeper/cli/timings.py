"""Where the time of a run went."""

import time
from collections.abc import Iterator


class Timings:
    """Notes when each step of a run begins; called with what begins, as progress is."""

    def __init__(self) -> None:
        # The process is older than this object by the imports.
        self._steps: list[tuple[str, float]] = []
        self._began = time.time()
        self.notes: list[str] = []

    def __call__(self, step: str) -> None:
        self._steps.append((step, time.time()))

    def show(self) -> None:
        """Print the steps and how long each took, on standard error."""
        from gatekeeper.cli.session import error_console
        from gatekeeper.report.escape import visible_lines

        console = error_console()
        for line in (*self._lines(time.time()), *self.notes):
            console.print(visible_lines(line), markup=False)

    def _lines(self, end: float) -> Iterator[str]:
        import psutil

        start = psutil.Process().create_time()
        steps = [("starting", start), *self._steps]
        ends = [when for _, when in self._steps] + [end]
        width = max(len(name) for name, _ in steps)
        for (name, when), then in zip(steps, ends, strict=True):
            yield f"{name:{width}}  {then - when:6.2f} s"
        yield f"{'all':{width}}  {end - start:6.2f} s"
