"""What can be written under a fence: one value per kind of write, and what each answers. Pure, no I/O.

`Store.commit(fence, *operations)` makes all of them durable in one transaction, or none. Within a commit the kinds take
effect in the order of `plan.KINDS` (so `DropCredentials` precedes `PutCredentials`), operations of one kind in the
order they are given; events get their sequence in the order of the operations that cause them.
"""
