"""Words that file names are made of: those that say what a file is, and so no student's name."""

from __future__ import annotations

import re

__all__ = ["PART_OF_ONE", "WORD", "own_words"]


PART_OF_ONE = re.compile(
    r"sources?|src|codes?|libs?|utils?|helpers?|models?|modules?|scripts?|notebooks?|python|tests?|data|datasets?|weights"
    r"|checkpoints|images?|img|figures?|figs?|plots?|outputs?|out|results?|logs?|docs?|tex|latex|reports?|write-?up"
    r"|misc|other|old|backup|\..*|(part|section|question|problem|q|step)[ _-]?[0-9a-h]?"
    r"|(attempt|try|draft|final|version|v)[ _-]?\d*",
    re.IGNORECASE,
)
WORD = re.compile(
    r"v\d*|ver(sion)?\d*|rev\d*|old|new|final\d*|last|copy\d*|backup|draft|orig(inal)?|fixed|modified|updated|test(s|ing)?"
    r"|train(ing|er)?|eval(uate)?|main|run|demo|starter|template|solutions?|code|script|notebook|submission|answers?|init"
    r"|setup|config|helpers?|utils?|tools?|models?|nets?|networks?|layers?|data|dataset|loader|plot(ting|s)?|(my)?conv(2d)?"
    r"|(dilated|my|res)?(unet|cnn)|regression(cnn)?|dilat(ed|ion)|colou?r(s|ize|ise|ization|isation)?|deeplab|segmentation"
    r"|finetun(e|ing)|python\d?|py\d|gpu|cpu|cuda|colab|(a|hw|pa|lab|part|q|step|assignment|programming|task)[-_]?\d*\w?"
)
_OTHER_WORD = re.compile(
    r"[a-z]\d{0,2}|\d{1,3}|(19|20)\d\d|py|nn|np|my|of|to|in|io|the|and|for|with|get|set|make|netid|functions?|functional"
    r"|custom|page|blocks?|down|up|convs?|convolution(s|al)?|transposed?|pool(ing)?|upsampl(e|ing)|kernels?|filters?"
    r"|stride|pad(ding)?|skip|connections?|encoder|decoder|bilinear|super|resolution|regress(or)?|gr[ae]y(scale)?|rgb"
    r"|cifar(10)?|horses?|pictures?|palettes?|clusters?|kmeans|means|pixels?|batch(es)?|load|read(er)?|save|download"
    r"|pre|post|process(ing|or)?|preprocess(ing|or)?|prepare|visuali[sz](e|er|ation)|view(er)?|show|display"
    r"|activations?|features?|maps?|loss(es)?|optim(izer)?|metrics?|accuracy|curves?|logger|logging|args?|params?"
    r"|parameters?|hyper|constants?|globals?|defs?|class(es)?|base(line)?|common|shared|core|start|exp(eriments?)?"
    r"|try|attempt|bonus|extra|stuff|scratch|temp|tmp|sandbox|playground|untitled|jupyter|kaggle|torch|pytorch|deep"
    r"|learning|neural|machine|assign|homework|exercise|write|csc|cse|ece|cs|course"
)
_BOUNDARY = re.compile(r"(?<=[a-z\d])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|[\W_]+")
_NUMBERED = re.compile(r"(student|group|team|user)[\W_]+(?=\d)", re.IGNORECASE)


def own_words(stem: str) -> tuple[str, ...]:
    """The words of a file's name that do not say what the file is, such as a student's name or number."""
    words = [word.lower() for word in _BOUNDARY.split(_NUMBERED.sub(r"\1", stem)) if word]
    if _says_what("".join(words)) or _says_what(stem.lower()):
        return ()
    return tuple(word for word in words if not _says_what(word))


def _says_what(word: str) -> bool:
    """Whether a word, perhaps with a short number behind it, says what a file is."""
    bare = re.sub(r"(?<=[^\W\d_]{2})\d{1,3}$", "", word)
    return any(kind.fullmatch(text) for kind in (WORD, PART_OF_ONE, _OTHER_WORD) for text in (word, bare))
