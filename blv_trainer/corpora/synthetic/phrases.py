"""Phrases of the invented answers, each with the proficiency that uses it most (A2 = 0, native = 4.5).

``{slot}`` is replaced by a phrase of ``SLOTS``; ``[the]`` and ``student[s]`` mark what a learner may leave out,
``[went|goed]`` what a learner may say instead.
"""

Phrases = tuple[tuple[float, str], ...]

# fmt: off
SLOTS: dict[str, Phrases] = {
    "important": (
        (0, "good"), (0, "very good"), (0.8, "important"), (1.5, "very useful"), (2, "necessary"), (2.6, "helpful"),
        (3, "beneficial"), (3.4, "valuable"), (4, "essential"), (4.5, "a really good thing"),
    ),
    "bad": (
        (0, "bad"), (0, "very bad"), (0.8, "not good"), (1.5, "dangerous"), (2, "harmful"), (2.6, "unpleasant"),
        (3.2, "unacceptable"), (4, "pretty awful"), (4.4, "detrimental"),
    ),
    "think": (
        (0, "I think"), (0.3, "I think that"), (1, "in my opinion"), (1.6, "I believe that"),
        (2, "I strongly agree that"), (2.6, "from my point of view"), (3, "I am convinced that"),
        (3.6, "personally I would say that"), (4.3, "I guess"), (4.5, "I mean I honestly feel like"),
    ),
    "many": (
        (0, "many"), (0, "so many"), (1, "a lot of"), (2, "most"), (2.8, "quite a few"), (3.4, "the majority of"),
        (4.4, "tons of"), (4.4, "plenty of"),
    ),
    "people": (
        (0, "people"), (0.8, "other people"), (1.6, "everybody"), (2.4, "customers"), (3, "the general public"),
        (4.2, "folks"), (3.8, "the rest of us"),
    ),
    "young": (
        (0, "student[s]"), (0.8, "college student[s]"), (1.6, "university student[s]"), (2.4, "young people"),
        (3.2, "young adult[s]"), (4.2, "college kids"), (4, "undergraduates"),
    ),
    "money": (
        (0, "money"), (0.4, "[some] money"), (1.2, "pocket money"), (2, "[an] income"), (2.8, "[a] regular income"),
        (3.4, "financial support"), (4.2, "a bit of spending money"), (4.5, "some extra cash"),
    ),
    "get": (
        (0, "get"), (0.5, "have"), (1.2, "make"), (2, "earn"), (3, "gain"), (3.6, "obtain"), (4.2, "end up with"),
    ),
    "skill": (
        (0, "many thing[s]"), (0.8, "new thing[s]"), (1.6, "some skill[s]"), (2.2, "communication skill[s]"),
        (2.8, "responsibility"), (3.3, "time management"), (4, "a solid work ethic"), (4.4, "how the real world works"),
    ),
    "smoke": (
        (0, "smoke"), (0.6, "[the] smoke"), (1.4, "[the] smell of cigarette[s]"), (2.2, "secondhand smoke"),
        (3, "tobacco smoke"), (3.8, "the stench of cigarettes"),
    ),
    "restaurant": (
        (0, "restaurant"), (0.7, "[the] restaurant"), (1.5, "[a] public place"), (2.4, "[a] family restaurant"),
        (3.2, "[an] enclosed space"), (4.2, "a place where people are trying to eat"),
    ),
    "ill": (
        (0, "sick"), (0.6, "ill"), (1.5, "uncomfortable"), (2.4, "unhealthy"), (3.2, "vulnerable to illness"),
        (4.2, "kind of nauseous"),
    ),
    "place": (
        (0, "shop"), (0.5, "restaurant"), (1, "coffee shop"), (1.6, "convenience store"), (2.2, "book store"),
        (2.8, "language school"), (3.4, "small company"), (4.2, "campus library"), (4.5, "pizza place"),
    ),
    "relative": (
        (0, "friend"), (0.3, "mother"), (0.6, "father"), (1, "brother"), (1.5, "classmate"), (2.2, "cousin"),
        (3, "roommate"), (4.3, "buddy"), (4, "colleague"),
    ),
}

CONNECTIVES: Phrases = (
    (0, "and"), (0, "so"), (0, "but"), (0.3, "and then"), (0.8, "also"), (1, "first"), (1.1, "second"),
    (1.5, "and also"), (1.8, "for example"), (2, "besides"), (2.2, "however"), (2.5, "in addition"), (2.8, "therefore"),
    (3, "moreover"), (3.2, "on the other hand"), (3.5, "as a result"), (3.8, "having said that"), (4.3, "you know"),
    (4.4, "and honestly"), (4.5, "plus"), (4.5, "I mean"),
)
SUBORDINATORS: Phrases = (
    (0, "and"), (0.2, "because"), (0.4, "so"), (1, "if"), (1.4, "because I think"), (1.8, "so that"), (2.2, "since"),
    (2.6, "which mean[s] that"), (3, "although"), (3.4, "even though"), (3.8, "considering that"), (4.4, "'cause"),
    (4.5, "just because"),
)
FILLERS: Phrases = (
    (0, "uh"), (0.3, "uh uh"), (0.8, "um"), (1.4, "uhm"), (2, "ah"), (2.5, "hmm"), (3, "well"), (4.4, "like"),
    (4.5, "you know"),
)
UNFINISHED: Phrases = (
    (0, "so I"), (0.7, "and they"), (1.5, "because the"), (2.5, "and this is why we"), (4, "so yeah I just"),
)

OPENINGS: dict[tuple[str, bool], Phrases] = {
    ("PTJ", True): (
        (0, "I agree"), (0, "yes I agree this topic"), (0.6, "{think} part-time job is {important}"),
        (1.4, "{think} it is {important} for {young} to have [a] part-time job"),
        (2.4, "{think} working part-time is {important} for {young}"),
        (3.2, "I would argue that every student benefit[s] from working while studying"),
        (4.4, "so yeah {think} having a job in college is {important}"),
    ),
    ("PTJ", False): (
        (0, "I don't agree"), (0, "I am not agree this topic"), (0.6, "{think} part-time job is {bad} for student"),
        (1.4, "{think} {young} do[es] not need [a] part-time job"),
        (2.4, "{think} {young} should concentrate on [their] studies instead of working"),
        (3.2, "I would question whether working during the semester is {important} at all"),
        (4.4, "so yeah I don't really buy the idea that {young} have to work"),
    ),
    ("SMK", True): (
        (0, "I agree"), (0, "yes I agree stop smoking"), (0.6, "{think} smoking is {bad} in restaurant"),
        (1.4, "{think} smoking should be banned in [the] restaurant[s]"),
        (2.4, "{think} smoking ought to be prohibited in every restaurant"),
        (3.2, "I fully support a complete ban on smoking wherever food is served"),
        (4.4, "okay so {think} they should just get rid of smoking in restaurants"),
    ),
    ("SMK", False): (
        (0, "I don't agree"), (0, "I not agree stop smoking"), (0.6, "{think} smoking is okay in restaurant"),
        (1.4, "{think} we should not ban smoking in all [the] restaurant[s]"),
        (2.4, "{think} [a] total ban on smoking is too strict"),
        (3.2, "I would argue that such a ban go[es] too far and limit[s] personal freedom"),
        (4.4, "okay so {think} it's kind of up to the owners and nobody else"),
    ),
}

CLAUSES: dict[tuple[str, bool], Phrases] = {
    ("PTJ", True): (
        (0, "I want {money}"), (0, "student need[s] {money}"), (0, "I like my job"), (0.2, "I work in [a] {place}"),
        (0.5, "we can {get} {money} from [the] job"), (0.7, "I can learn {skill}"),
        (0.9, "my {relative} work[s] in [a] {place}"), (1, "we can meet {many} new friend[s]"),
        (1.2, "they can buy something they want with {money}"),
        (1.4, "{young} can {get} experience from [a] part-time job"), (1.7, "it help[s] us to know [the] society"),
        (1.9, "we don't need to ask our parent[s] for {money}"), (2, "part-time job teach[es] {young} {skill}"),
        (2.2, "{young} become more independent of their parents"), (2.4, "working at [a] {place} improve[s] {skill}"),
        (2.7, "they [understood|understand] how hard it is to {get} {money}"),
        (2.9, "employer[s] prefer graduates who already have some experience"),
        (3.1, "it prepare[s] {young} for their future career"), (3.3, "dealing with customers develop[s] {skill}"),
        (3.5, "tuition fees have risen and {money} reduce[s] the burden on the family"),
        (3.8, "it gives you a sense of what the workplace will eventually demand of you"),
        (4.2, "I worked at a {place} all through school and it taught me {skill}"),
        (4.4, "you're not gonna have your parents paying your rent forever"),
        (4.5, "my {relative} never had a job in school and it kind of showed later on"),
        (4.6, "it gets you out of your dorm and talking to people you'd never meet otherwise"),
    ),
    ("PTJ", False): (
        (0, "student must study"), (0, "I am very tired"), (0, "study is {important}"), (0.2, "I don't have [a] job"),
        (0.5, "we have {many} homework"), (0.7, "my {relative} [was|is] tired after [the] work"),
        (0.9, "they sleep in [the] class"), (1, "they have no time to study"),
        (1.2, "{young} go to college to learn {skill}"), (1.4, "[the] job take[s] too much time"),
        (1.7, "[the] grade[s] become {bad} when they work at night"), (1.9, "our parent[s] pay[s] for our study"),
        (2, "working at [a] {place} make[s] {young} exhausted"),
        (2.2, "they may forget that studying is [the] main purpose of college"),
        (2.4, "they can {get} {money} after they graduate"),
        (2.7, "it is difficult to keep [a] balance between work and study"),
        (2.9, "some employers take advantage of {young}"), (3.1, "the time spent at a {place} can never be recovered"),
        (3.3, "academic performance tend[s] to suffer when students work long hours"),
        (3.5, "a scholarship is a far better way to obtain {money}"),
        (3.8, "the work they find seldom has anything to do with what they are studying"),
        (4.2, "you've got your whole life to work so there's no need to rush into it"),
        (4.4, "my {relative} was working nights at a {place} and almost flunked out"),
        (4.5, "I'd rather put those hours into an internship or something that actually counts"),
        (4.6, "between classes and homework and sleep there's really not a whole lot of time left"),
    ),
    ("SMK", True): (
        (0, "smoking is {bad}"), (0, "I don't like {smoke}"), (0, "it is {bad} for health"),
        (0.2, "my {relative} smoke[s] every day"), (0.5, "we go to restaurant to eat food"),
        (0.7, "[the] food is not delicious with {smoke}"), (0.9, "children come to {restaurant} too"),
        (1, "{many} people don't like {smoke}"), (1.2, "{smoke} make[s] me {ill}"),
        (1.4, "{people} become {ill} because of {smoke}"), (1.7, "they can smoke in another place"),
        (1.9, "it cause[s] cancer and {many} other disease[s]"), (2, "{people} who don't smoke also breathe {smoke}"),
        (2.2, "smoker[s] should think about {people} around them"),
        (2.4, "{smoke} destroy[s] [the] taste of [the] food"),
        (2.7, "pregnant women and children are affected by {smoke}"),
        (2.9, "the owner[s] could prepare [a] separate area outside"),
        (3.1, "exposure to {smoke} is {bad} for the staff who work there"),
        (3.3, "everyone is entitled to breathe clean air in {restaurant}"),
        (3.5, "the government ha[s] a duty to protect {people} from {smoke}"),
        (3.8, "several countries have introduced similar rules without any harm to business"),
        (4.2, "there's nothing worse than sitting down to dinner and getting a face full of {smoke}"),
        (4.4, "if you want to light up you can just step outside for five minutes"),
        (4.5, "my {relative} used to wait tables and came home reeking of cigarettes"),
        (4.6, "it's really not fair on the people who have to work in that all night long"),
    ),
    ("SMK", False): (
        (0, "people like smoking"), (0, "it is okay"), (0, "I don't smoke but it is okay"),
        (0.2, "my {relative} like[s] smoking"), (0.5, "smoking is [a] freedom"),
        (0.7, "they pay money in [the] restaurant too"), (0.9, "[the] smoking room is {important}"),
        (1, "{many} people want to smoke after eating"), (1.2, "we can make [a] smoking area in {restaurant}"),
        (1.4, "smoker[s] also have [the] right to enjoy [the] meal"),
        (1.7, "[the] restaurant will lose {many} customer[s]"), (1.9, "it is difficult to stop smoking for {people}"),
        (2, "[the] owner of [the] restaurant should decide [the] rule"),
        (2.2, "{people} can choose another restaurant if they hate {smoke}"),
        (2.4, "separating [the] area[s] solve[s] the problem of {smoke}"),
        (2.7, "[a] complete ban is unfair to smoker[s]"), (2.9, "the tax on tobacco support[s] the government"),
        (3.1, "good ventilation remove[s] most of {smoke}"),
        (3.3, "adults are capable of making their own decision[s]"),
        (3.5, "such a law would be difficult to enforce in every small restaurant"),
        (3.8, "prohibition seldom persuades anyone to give up a habit of many years"),
        (4.2, "I can't stand {smoke} myself but I don't think it's my call to make"),
        (4.4, "if some place wants to let people smoke then you can just go someplace else"),
        (4.5, "my {relative} owns a bar and half of the regulars would stop coming"),
        (4.6, "we already have a bunch of rules about this stuff and they work just fine"),
    ),
}

CLOSINGS: dict[tuple[str, bool], Phrases] = {
    ("PTJ", True): (
        (0, "so I agree"), (1, "so I think part-time job is {important}"),
        (2.2, "for these reasons I agree with this statement"),
        (3.2, "in conclusion the advantages clearly outweigh the drawbacks"), (4.4, "so yeah I'd say go for it"),
    ),
    ("PTJ", False): (
        (0, "so I don't agree"), (1, "so I think study is more {important}"),
        (2.2, "for these reasons I disagree with this statement"),
        (3.2, "in conclusion studying ought to remain the first priority"), (4.4, "so yeah I'd skip it if you can"),
    ),
    ("SMK", True): (
        (0, "so stop smoking please"), (1, "so I think we should ban smoking"),
        (2.2, "for these reasons smoking should be banned"),
        (3.2, "in conclusion a ban would benefit society as a whole"), (4.4, "so yeah I'm all for it"),
    ),
    ("SMK", False): (
        (0, "so smoking is okay"), (1, "so I think we don't need to ban smoking"),
        (2.2, "for these reasons I disagree with [the] ban"),
        (3.2, "in conclusion a compromise would be preferable to a ban"), (4.4, "so yeah just leave it alone"),
    ),
}
