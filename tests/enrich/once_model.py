"""What the stage *once* promises, told line by line: slow, plain, and without any state that is thrown away."""

from datetime import timedelta

WEIGHT = {"blocked": 4, "rewritten": 3, "error": 2, "allowed": 1}
ADDRESSES = {None, "A", "AAAA", "HTTPS", "SVCB"}


class Model:
    def __init__(self):
        self.questions = {}
        self.visits = {}
        self.decrypted = []

    def counted(self, batch):
        """Return which rows of *batch* (dicts, null keys left in) count."""
        counts = {}
        lines = [(n, row) for n, row in enumerate(batch) if row["kind"] == "dns"]
        leaders = [(n, row, self.leader(n, row, counts)) for n, row in lines]
        for leader in {id(one): one for _, _, one in leaders if one}.values():
            mine = [(n, row) for n, row, one in leaders if one is leader]
            heaviest = max(WEIGHT.get(row["action"], 0) for _, row in mine)
            if any(row is leader["row"] for _, row in mine) and leader["weight"] == 0:
                leader["weight"] = heaviest
            if heaviest == 4 and leader["weight"] < 4:
                leader["weight"] = 4
                counts[next(n for n, row in mine if row["action"] == "blocked")] = True
        for n, row in enumerate(batch):
            if row["kind"] == "http":
                counts[n] = not (self.opens(row) and self.is_decrypted(row, batch))
        self.decrypted += [row for row in batch if row["kind"] == "http" and not self.opens(row)]
        return [counts.get(n, row["kind"] != "dns") for n, row in enumerate(batch)]

    def leader(self, n, row, counts):
        key = (row["stream"], row["request_key"])
        question = self.question(key, row)
        if question is not row and question is not None:
            return question["leader"]
        if question is None and row["client_ip"] is None and row["action"] != "blocked":
            return None
        row["leader"] = self.visit(row, (row["source"], row["client_ip"], row["query"]), row["query_type"])
        counts[n] = row["leader"]["row"] is row
        return row["leader"]

    def question(self, key, row):
        """Return the line that opens the request of *row*: itself, an earlier one, or none that is known."""
        known = self.questions.setdefault(key, {}) if row["request_key"] else {}
        known = {stage: one for stage, one in known.items() if abs(row["time"] - one["time"]) <= timedelta(seconds=5)}
        if row["query_type"] is None:
            return known.get("latest")
        decided, replied = WEIGHT.get(row["action"], 0) > 0, row["rcode"] is not None
        stage = "replies" if replied else "decides" if decided else "asks"
        stage = stage if row["request_key"] else "asks"
        before = {"asks": (), "decides": ("asks",), "replies": ("asks", "decides")}[stage]
        found = next((known[one] for one in before if one in known), row)
        self.questions[key] = self.questions.get(key, {}) | {"latest": found, stage: found}
        return found

    def visit(self, row, pair, kind):
        alone = kind not in ADDRESSES or row["query"] is None
        now = self.visits.get(pair)
        if not alone and now and abs(row["time"] - now["row"]["time"]) < timedelta(seconds=2):
            return now
        leader = {"row": row, "weight": WEIGHT.get(row["action"], 0)}
        if not alone:
            self.visits[pair] = leader
        return leader

    def opens(self, row):
        return row["method"] == "CONNECT" and not row["bytes_in"]

    def is_decrypted(self, connect, batch):
        return any(
            (row["source"], row["client_ip"], row["host"]) == (connect["source"], connect["client_ip"], connect["host"])
            and abs(row["time"] - connect["time"]) <= timedelta(seconds=10)
            for row in [*self.decrypted, *batch]
            if row["kind"] == "http" and row["url"].startswith("https://")
        )
