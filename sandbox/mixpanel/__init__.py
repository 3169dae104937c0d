"""One Mixpanel project: raw export, engage, lexicon, import."""
