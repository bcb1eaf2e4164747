"""What outlives a run: a database, and one module for each kind of thing in it.

    database     connections and transactions, by URL
    schema       is it what this version expects; migrations
    tables       what all tables share
    chapters     stories, as far as they came
    drafts       drafts of documents, by `draft_status`
    durations    how long stages took
    conversations
                 whose each one is, and what was said in it

Nothing here knows a dialect or a run.
"""
