"""Shows a run to people and machines: terminal, JSON, JUnit, curl, transcripts.

Must not decide anything: verdicts and the exit code come from `runner.result`.
"""
