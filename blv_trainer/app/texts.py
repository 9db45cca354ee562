"""What the page says."""

TITLE = "What level of English is this?"
INTRODUCTION = (
    "Talk about a topic for a minute, upload a recording, or paste what somebody said. Whisper writes the speech down, "
    "and a model that has read many learners' answers estimates the level from the words."
)
WAITING = "The estimate appears here."
CANNOT_KNOW_TITLE = "What this model cannot know"
CANNOT_KNOW = (
    "<b>How good this answer is.</b> It learned from labels of whole speakers, such as test scores, not of single "
    "recordings.",
    "<b>How you sound.</b> It sees the words that Whisper wrote, with Whisper's mistakes; pronunciation, pauses and "
    "intonation are lost.",
    "<b>Anything unlike its training data.</b> Other topics, tasks, ages or first languages: the numbers look just as "
    "sure and mean little.",
    "<b>What is right for a person.</b> Do not use it for grades, admission, jobs, visas or anything else of weight.",
)
PRIVACY = "Recordings are deleted from this server after ten minutes at most; texts and results are not stored."

# Invented, for this page.
EXAMPLES = {
    "A few simple words": "I think part-time job is good. Because student need money. I work in cafe. It is fun. But "
    "sometimes very tired and sleepy in class. So I think little time job is OK.",
    "Longer sentences, some mistakes": "In my opinion, having a part-time job is important for college students "
    "because they can learn how the society works. For example, when I worked at a bookstore, I had to talk with many "
    "kind of customers, and it made me more confident. Of course study is first, but if we manage our time, both is "
    "possible.",
    "Fluent": "I would argue that the benefits of working while studying are often overstated. Granted, a few hours a "
    "week behind a counter will teach you punctuality and patience, but most of what employers look for later on is "
    "picked up in seminars and libraries, and those are precisely the hours that a job eats into.",
}
