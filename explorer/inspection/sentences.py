"""One sentence in many languages, and texts that are no sentence: what a vocabulary made for one text costs elsewhere.

The translations were written for this project.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sample:
    """A short text to be cut. name: its language, or what it is. is_translation: it says what the first one says."""

    name: str
    text: str
    is_translation: bool = True


SAMPLES: tuple[Sample, ...] = (
    Sample("English", "The sea is calm tonight and the moon is bright."),
    Sample("Spanish", "El mar está en calma esta noche y la luna brilla."),
    Sample("Portuguese", "O mar está calmo esta noite e a lua brilha."),
    Sample("German", "Das Meer ist heute Nacht ruhig und der Mond scheint hell."),
    Sample("Finnish", "Meri on tyyni tänä yönä ja kuu loistaa kirkkaana."),
    Sample("Greek", "Η θάλασσα είναι ήρεμη απόψε και το φεγγάρι λάμπει."),
    Sample("Russian", "Море сегодня ночью спокойно, и луна светит ярко."),
    Sample("Arabic", "البحر هادئ الليلة والقمر ساطع."),
    Sample("Hebrew", "הים רגוע הלילה והירח זוהר."),
    Sample("Hindi", "आज रात समुद्र शांत है और चाँद चमक रहा है।"),
    Sample("Thai", "คืนนี้ทะเลสงบและพระจันทร์สว่าง"),
    Sample("Chinese", "今晚大海平静，月光明亮。"),
    Sample("Japanese", "今夜の海は静かで、月が明るい。"),
    Sample("Korean", "오늘 밤 바다는 고요하고 달은 밝다."),
    Sample("numbers", "7 42 365 1984 31415 271828 1000000", is_translation=False),
    Sample("emoji", "🌊🌙✨ 👩‍🚀 👨‍👩‍👧‍👦 🏳️‍🌈 🇵🇹", is_translation=False),
    Sample("program", "for i in range(10):\n    print(i * i)", is_translation=False),
)
