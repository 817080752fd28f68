"""A group chat. Plain values. Pure."""

from dataclasses import dataclass, field


@dataclass(slots=True, kw_only=True)
class Group:
    """A group chat; `members` and `owner` are phones."""

    id: str
    subject: str
    owner: str
    created: int
    members: dict[str, None]
    admins: set[str] = field(default_factory=set[str])
    """Besides the owner."""
    description: str = ""
    description_id: str = ""
    settings: set[str] = field(default_factory=set[str])
    """`announcement`: only admins write. `locked`: only admins change subject and description.

    `membership_approval_mode`: who comes by the link is let in by an admin. `all_member_add`: everybody adds people.
    """
    picture: tuple[str, str] | None = None
    """Id and direct path."""
    disappearing: int = 0
    """Seconds after which its messages go; 0: they stay."""
    invite: str = ""
    """The code of its link, once somebody asked for one."""
    requests: dict[str, float] = field(default_factory=dict[str, float])
    """Phones of those who ask to come in, and since when: with the setting `membership_approval_mode`."""

    def is_admin(self, phone: str) -> bool:
        """Whether that person may manage the group."""
        return phone == self.owner or phone in self.admins

    def may_write(self, phone: str) -> bool:
        """Whether that member's messages are for everybody."""
        return "announcement" not in self.settings or self.is_admin(phone)

    def may_describe(self, phone: str) -> bool:
        """Whether that member may change what the group is called, what it says of itself, and its picture."""
        return "locked" not in self.settings or self.is_admin(phone)

    @property
    def jid(self) -> str:
        """`id@g.us`."""
        return f"{self.id}@g.us"
