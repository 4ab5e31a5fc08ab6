"""One line per client, transport and check, printed as it is known."""

import threading


class Report:
    def __init__(self):
        self.lock = threading.Lock()
        self.passed = 0
        self.absent = 0
        self.failures = []

    def line(self, verdict, where, detail=""):
        client, transport, check = where
        text = f"{verdict:4}  {client:9} {transport:5}  {check:15}"
        print(f"{text}  {detail}".rstrip() if detail else text.rstrip(), flush=True)

    def pass_(self, where, seconds):
        with self.lock:
            self.passed += 1
            self.line("PASS", where, f"{seconds:5.1f} s")

    def fail(self, where, reason):
        with self.lock:
            self.failures.append((where, reason))
            self.line("FAIL", where, reason)

    def not_applicable(self, where, reason):
        with self.lock:
            self.absent += 1
            self.line("N/A", where, reason)

    def close(self):
        """Prints the failures once more and the sum; gives the exit code."""
        if self.failures:
            print("\nfailed:")
            for where, reason in sorted(self.failures):
                self.line("FAIL", where, reason)
        print(f"{self.absent} not applicable, each with its reason above")
        print(f"{self.passed} passed, {len(self.failures)} failed")
        return 1 if self.failures or not self.passed else 0
