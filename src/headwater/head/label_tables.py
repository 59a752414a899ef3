"""What the numbers in a volume of tissue labels mean: tables of known programs, and tables in text files."""

from __future__ import annotations

from pathlib import Path

from headwater._utils.errors import InputError
from headwater.head.conductivity import (
    AIR,
    BLOOD,
    BRAINSTEM,
    CEREBELLAR_GREY,
    CEREBELLAR_WHITE,
    COMPACT,
    CSF,
    EYES,
    GREY,
    MUSCLE,
    SCALP,
    SPONGY,
    TISSUES,
    WHITE,
)

# Tissue classes of SimNIBS 4 (charm), of ROAST, and of the five compartments of FieldTrip in the order of its tutorial.
LABEL_TABLES: dict[str, dict[int, str]] = {
    "simnibs": dict(enumerate((WHITE, GREY, CSF, COMPACT, SCALP, EYES, COMPACT, SPONGY, BLOOD, MUSCLE), start=1)),
    "roast": dict(enumerate((WHITE, GREY, CSF, COMPACT, SCALP, AIR), start=1)),
    "fieldtrip": dict(enumerate((GREY, WHITE, CSF, COMPACT, SCALP), start=1)),
}

# Other names of tissues, in lower case, without "_" and "-".
ALIASES = {
    **{name.lower(): name for name in TISSUES},
    **dict.fromkeys(("white", "wm"), WHITE),
    **dict.fromkeys(("gray matter", "grey", "gray", "gm"), GREY),
    **dict.fromkeys(("cerebrospinal fluid", "ventricles"), CSF),
    **dict.fromkeys(("bone", "skull", "cortical bone", "compacta"), COMPACT),
    **dict.fromkeys(("cancellous bone", "spongiosa", "diploe"), SPONGY),
    **dict.fromkeys(("skin", "soft tissue", "fat"), SCALP),
    **dict.fromkeys(("eye", "eye balls", "eyeballs"), EYES),
    **dict.fromkeys(("muscles",), MUSCLE),
    **dict.fromkeys(("vessels", "veins"), BLOOD),
    **dict.fromkeys(("internal air", "sinus", "sinuses"), AIR),
    **dict.fromkeys(("brain stem",), BRAINSTEM),
    **dict.fromkeys(("cerebellum cortex", "cerebellar gray matter"), CEREBELLAR_GREY),
    **dict.fromkeys(("cerebellum white matter",), CEREBELLAR_WHITE),
}


def tissue_called(name: str) -> str:
    """Return the tissue that a name of another program means."""
    key = name.strip().lower().replace("_", " ").replace("-", " ")
    if key not in ALIASES:
        raise InputError(
            f"The tissue {name!r} of the label table is unknown; rename it to one of {', '.join(TISSUES)}."
        )
    return ALIASES[key]


def read_label_table(path: str | Path) -> dict[int, str]:
    """Read lines of a number and a name, as FreeSurfer, SimNIBS and BIDS write them; other columns are left out.

    Returns
    -------
    table : dict of int to str
        Tissue of each number; 0 is background and may be missing.
    """
    table = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        words = line.split("#")[0].replace(",", " ").split()
        if not words or not words[0].isdigit() or words[0] == "0":
            continue
        name = [word for word in words[1:] if not word.replace(".", "").isdigit()]
        if not name:
            raise InputError(f"{Path(path).name} has no name for label {words[0]}; write a number and a name a line.")
        table[int(words[0])] = tissue_called(" ".join(name))
    if not table:
        raise InputError(f"{Path(path).name} names no labels; write a number and a name a line.")
    return table
