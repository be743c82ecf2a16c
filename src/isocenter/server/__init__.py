"""The process: settings, listeners, the web application, health, metrics and the built viewer."""
