"""The quality report: what the reader met in a corpus folder, named file by file, and how it was dealt with."""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, field

from blv_trainer.asr import WordErrors
from blv_trainer.corpora.icnale.names import (
    AUDIO_NAME_COUNTS,
    LABELS,
    PUBLISHED_SET_COUNTS,
    PUBLISHED_SPEAKERS,
    TASKS,
    TEXT_NAME_COUNTS,
)

MIN_WORDS = 20  # a text with fewer is named

KINDS = {
    "level_conflict": "text name and audio name give different levels; level_from decides",
    "several_levels": "speaker with more than one level; each answer keeps its own",
    "renumbered": "text with its neighbour's number; given back to the neighbour",
    "duplicate_text": "one more text of an answer; left out",
    "duplicate_audio": "one more recording of an answer; left out",
    "other_tree": "text name of a tree not read, with another level than in the tree read",
    "text_without_audio": "text without a recording; kept",
    "audio_without_text": "recording without a text; kept for Whisper, left out with human transcripts",
    "same_text_of_one_speaker": "one speaker, two answers, one text; both kept",
    "same_text_of_two_speakers": "two speakers, one text; both kept",
    "empty": "nothing is left after cleaning; kept",
    "very_short": f"fewer than {MIN_WORDS} words; kept",
    "cp1252": "not UTF-8; read as Windows-1252",
    "unreadable": "folder that cannot be listed, or link that leads nowhere or outside the folder; left out",
    "copy": "copy of a file, such as 'name (1).txt'; left out",
    "system_file": "left by an operating system, such as __MACOSX; left out",
    "other_module": "name of another ICNALE module; left out",
    "unknown_name": "not a name of the Spoken Monologue; left out",
    "other_file": "neither a text nor a recording; left out",
    "zip": "archive that is still packed; left out",
    "background_missing": "speaker who is not in the background sheet; columns left empty",
    "background_column": "header that the background sheet lacks or never fills; column left empty",
    "background_level": "level in the background sheet differs from the file names; the names decide",
}


@dataclass(frozen=True, order=True)
class Finding:
    """One irregularity; what cannot be printed is written as its escape."""

    kind: str  # one of KINDS
    subject: str  # id of an answer, a speaker, or the path of a file relative to the corpus folder
    detail: str = field(default="", compare=False)  # what exactly was met

    def __post_init__(self) -> None:
        # Names of files may hold anything: line ends, codes that drive a terminal, bytes that are no character.
        for name in ("subject", "detail"):
            text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in getattr(self, name))
            object.__setattr__(self, name, text)


@dataclass
class QualityReport:
    """What was read, what was met, and how the counts compare with the published ones."""

    data_dir: str
    text_tree: str  # folder of the texts that were read, relative to data_dir
    trees_not_read: dict[str, int]  # number of texts in each other folder of texts
    num_texts: int  # read
    num_audio: int  # found
    findings: list[Finding]  # sorted
    text_features: Counter[str]  # number of texts with a BOM, with line breaks and so on
    counts: Counter[tuple[str, str]]  # number of answers by (region, label)
    # Of Whisper against the human transcripts, by "all", "label" and "region", then by their values.
    word_errors: dict[str, dict[Hashable, WordErrors]] = field(default_factory=dict)

    def of_kind(self, kind: str) -> list[Finding]:
        """The findings of one kind."""
        return [finding for finding in self.findings if finding.kind == kind]

    def summary(self) -> str:
        """One sentence: counts, and the kinds of findings."""
        kinds = Counter(finding.kind for finding in self.findings)
        met = ", ".join(f"{kind} {kinds[kind]}" for kind in KINDS if kinds[kind]) or "none"
        num_answers = sum(self.counts.values())
        return f"{num_answers} answers ({self.num_texts} texts, {self.num_audio} recordings); findings: {met}"

    def to_dict(self) -> dict:
        """The whole report in plain types, ready for JSON."""
        return asdict(self) | {
            "text_features": dict(sorted(self.text_features.items())),
            "counts": {f"{region} {label}": count for (region, label), count in sorted(self.counts.items())},
            "word_errors": {
                column: {
                    value: asdict(errors) | {"rate": errors.rate if errors.words else None}
                    for value, errors in groups.items()
                }
                for column, groups in self.word_errors.items()
            },
        }

    def to_text(self, *, max_per_kind: int = 5) -> str:
        """The report as tables for a terminal, with the first findings of each kind and the number of the others."""
        not_read = ", ".join(f"{tree} ({count} texts)" for tree, count in self.trees_not_read.items()) or "none"
        features = ", ".join(f"{name} {count}" for name, count in sorted(self.text_features.items())) or "none"
        origin = [
            f"Folder           {self.data_dir}",
            f"Texts read       {self.num_texts} from {self.text_tree}",
            f"Trees not read   {not_read}",
            f"Recordings       {self.num_audio}",
            f"Text features    {features}",
        ]
        parts = [origin, self._count_table(), self.word_error_table(), self._finding_lines(max_per_kind)]
        return "\n\n".join("\n".join(part) for part in parts if part)

    def word_error_table(self) -> list[str]:
        """Lines of a table, beside the published rate; none without word errors."""
        if not self.word_errors:
            return []
        rows: list[list[object]] = [["Whisper against the human transcripts", "word error rate %", "words", "texts"]]
        for groups in self.word_errors.values():
            for value, errors in groups.items():
                rows.append([value, f"{100 * errors.rate:.2f}", errors.words, errors.texts])
        rows.append(["published for Whisper large on this corpus", "18.62", "", ""])
        return align(rows)

    def _count_table(self) -> list[str]:
        """Answers by region and label, beside those of release 2.1 and of the set that papers report on."""
        rows: list[list[object]] = [["region", *LABELS, "all", "release 2.1"]]
        for region, speakers in PUBLISHED_SPEAKERS.items():
            cells = [self.counts[region, label] for label in LABELS]
            rows.append([region, *cells, sum(cells), speakers * len(TASKS)])
        by_label = [sum(self.counts[region, label] for region in PUBLISHED_SPEAKERS) for label in LABELS]
        rows.append(["all", *by_label, sum(by_label), sum(PUBLISHED_SPEAKERS.values()) * len(TASKS)])
        for name, counts in (
            ("release 2.1, audio names", AUDIO_NAME_COUNTS),
            ("release 2.1, text names", TEXT_NAME_COUNTS),
            ("set of Tsai et al. 2025", PUBLISHED_SET_COUNTS),
        ):
            rows.append([name, *counts.values(), sum(counts.values()), ""])
        return align(rows)

    def _finding_lines(self, max_per_kind: int) -> list[str]:
        if not self.findings:
            return ["Findings         none"]
        lines = []
        for kind, meaning in KINDS.items():
            if findings := self.of_kind(kind):
                lines.append(f"{kind} ({len(findings)}): {meaning}")
                lines += [f"    {f.subject}  {f.detail}".rstrip() for f in findings[:max_per_kind]]
                if len(findings) > max_per_kind:
                    lines.append(f"    ... and {len(findings) - max_per_kind} more")
        return lines


def align(rows: Sequence[Sequence]) -> list[str]:
    """Rows as lines with the first column to the left and the others to the right."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(*rows, strict=True)]
    line = "  ".join([f"{{:<{widths[0]}}}", *(f"{{:>{width}}}" for width in widths[1:])])
    return [line.format(*map(str, row)).rstrip() for row in rows]
