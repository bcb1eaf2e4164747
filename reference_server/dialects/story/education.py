"""What a child can learn from a story: elements that are found by their words."""

from ...retrieval import Index

# So many are told at most.
_MOST = 3

# Names, and the words that a story has when it is about them.
_ELEMENTS = {
    "animals": "animal bird cat dog bear fox rabbit horse fish owl mouse frog",
    "colours and shapes": "colour color red blue green yellow round square circle",
    "counting": "count number one two three four five six seven eight nine ten",
    "courage": "brave courage afraid fear dare bold scared hero",
    "family": "mother father sister brother grandmother grandfather family home",
    "feelings": "happy sad angry cry laugh smile proud lonely feel feeling",
    "friendship": "friend friendship together play friendly companion",
    "honesty": "honest truth lie promise trust sorry",
    "kindness": "kind kindness help share gentle care gift thank",
    "music and art": "music song sing dance paint draw drum melody picture",
    "nature": "tree forest river flower garden mountain rain leaf seed meadow",
    "perseverance": "try practice practise again patient patience learn effort",
    "science": "star moon planet space rocket invent discover experiment machine",
    "sea and weather": "sea wave wind storm snow cloud sun island boat",
}


class Education:
    """The elements, indexed once."""

    def __init__(self) -> None:
        self._names = list(_ELEMENTS)
        self._index = Index(list(_ELEMENTS.values()))

    def find(self, story: str) -> list[str]:
        """Return the names of the elements that a story has most of, best first.

        Three at most; words behind the first 8192 characters do not count.
        """
        return [self._names[place] for place in self._index.search(story)[:_MOST]]
