/* SPDX-License-Identifier: MIT */
/* What people say. Without quotation marks and backslashes: the texts go into JSON as they are. */
#include "demo_priv.h"

struct topic {
    const char *topic;
    const char *text;
};

static const char *const pleased[] = {
    "Finally a board the whole team keeps up to date.",
    "Fast, simple, does what it says. We love the templates.",
    "Great tool, saves us an hour of meetings every week.",
    "Setup took ten minutes and everybody understood it at once.",
    "The calendar view is excellent, and support answers quickly.",
    "Easy to use and reliable so far, very happy.",
    "Sehr übersichtlich, mein Team mag es.",
    "Très pratique, merci !",
    "Muito bom, recomendo para times pequenos.",
    "Moving cards feels instant. Good job!",
    "Best value for a small team that we have found.",
};
static const char *const indifferent[] = {
    "It is fine. I would like dark mode.",
    "Does the job, but the search could be better.",
    "We use it for one project so far.",
    "Okay, still comparing it with our old spreadsheet.",
    "Needs recurring cards.",
    "Im Großen und Ganzen gut, die App fürs Handy fehlt.",
    "I only use it when somebody sends me a link.",
    "Works. The export looks plain.",
};
static const char *const annoyed[] = {
    "Too slow on my phone, I gave up waiting.",
    "Confusing at first, I did not find how to invite people.",
    "Too expensive for what we use.",
    "The import lost half of my columns, very frustrating.",
    "Notifications are annoying and I cannot turn them off.",
    "Missing features that others have had for years.",
    "Bad experience on Safari, the page is broken half of the time.",
    "La recherche est trop lente.",
};
static const char *const complaints[] = {
    "Saving my board fails again and again. I lost an hour of work.",
    "Could not save. Error 500. This is terrible, we had a deadline today.",
    "Board could not be saved, tried five times, useless.",
    "Our whole sprint planning is gone because saving does not work.",
    "What is going on with saving? Everything is slow and half of it fails.",
    "Speichern geht nicht, ständig Fehler. So können wir nicht arbeiten.",
    "Lost my changes twice this morning. Very disappointed.",
    "Impossible d'enregistrer mon tableau, erreur 500.",
};
static const char *const reasons[] = {
    "Our spreadsheet got out of hand.",
    "A colleague showed me her board.",
    "Found you while looking for a roadmap template.",
    "Saw a post about meetings and got curious.",
    "Our old tool became too expensive.",
    "I need something for my team of five.",
    "Wollten endlich weg von den Zetteln an der Wand.",
    "Newsletter, the one about planning.",
    "Just looking around.",
};
static const struct topic tickets[] = {
    {"how-to", "How do I invite somebody who has no account yet?"},
    {"how-to", "Can I copy a board with all of its cards?"},
    {"how-to", "Where do I change the order of the columns?"},
    {"billing", "Please send the invoice to another address."},
    {"billing", "We were charged for a seat that we removed."},
    {"billing", "Can we pay by the year?"},
    {"login", "The link to sign in never arrives."},
    {"login", "I cannot sign in on my phone."},
    {"bug", "The due date jumps back by one day."},
    {"bug", "The export cuts off long titles."},
    {"bug", "Slack messages come twice."},
    {"feature request", "Please add recurring cards."},
    {"feature request", "We need roles: viewers should not move cards."},
    {"feature request", "Dark mode, please!"},
};
static const struct topic interviews[] = {
    {"onboarding", "Skipped the tour, then did not find templates. Would have wanted an example."},
    {"onboarding", "Liked that the first board was there already. Invited two people at once."},
    {"pricing", "Pays by seat unwillingly because half of the seats only read."},
    {"pricing", "Compared with two others; the price decided, and the import."},
    {"use", "Looks at the board every morning with the team, ten minutes, standing."},
    {"use", "Plans a quarter on the timeline, the week on the board. Wants both on one page."},
    {"use", "Keeps clients out: is afraid that they see the wrong cards."},
    {"leaving", "Team fell apart, not the product's fault. Would come back."},
    {"leaving", "Went back to the spreadsheet: formulas."},
};

#define PICK(dice, array) ((array)[tr_dice_below(dice, COUNT_OF(array))])

const char *tr_demo_pick_answer(struct dice *dice, enum mood mood)
{
    switch (mood) {
    case PLEASED:
        return PICK(dice, pleased);
    case INDIFFERENT:
        return PICK(dice, indifferent);
    default:
        return PICK(dice, annoyed);
    }
}

const char *tr_demo_pick_complaint(struct dice *dice)
{
    return PICK(dice, complaints);
}

const char *tr_demo_pick_reason(struct dice *dice)
{
    return PICK(dice, reasons);
}

const char *tr_demo_pick_interview(struct dice *dice, const char **topic_out)
{
    const struct topic *topic = &PICK(dice, interviews);
    *topic_out = topic->topic;
    return topic->text;
}

const char *tr_demo_pick_ticket(struct dice *dice, const char **topic_out)
{
    const struct topic *topic = &PICK(dice, tickets);
    *topic_out = topic->topic;
    return topic->text;
}
