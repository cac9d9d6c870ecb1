-- SPDX-License-Identifier: MIT
-- Rules, receivers or silences are others now.
update traction.alert_version set version = version + 1;
