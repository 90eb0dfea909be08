"""The agent's configuration: one TOML file, read strictly, every complaint naming the file, the line and the remedy.

ConfigError         one sentence: what is wrong, where, and what to do
"""

from edge.config.advice import advise
from edge.config.agent import DEFAULT_CONFIG, JOURNAL_NAME, KEY_NAME, AgentConfig, change_config, load_config
from edge.config.section import ConfigError

__all__ = [
    "DEFAULT_CONFIG",
    "JOURNAL_NAME",
    "KEY_NAME",
    "AgentConfig",
    "ConfigError",
    "advise",
    "change_config",
    "load_config",
]
