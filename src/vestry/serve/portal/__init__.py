"""The portal's pages: each module has its `routes`, and each view a template in `serve/templates`."""
