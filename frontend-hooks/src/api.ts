// Made from openapi/openapi.json by `npm run api`; not to be edited.

export interface paths {
    "/.well-known/stellar.toml": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tells wallets where to sign in, and which key the service signs with. */
        get: operations["getStellarToml"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reports the health of the index. */
        get: operations["getHealth"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Confirms that the process is running, and nothing else. */
        get: operations["getLiveness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/health/ready": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reports the health of the index; answers 503 while the index cannot be relied on. */
        get: operations["getReadiness"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/metrics": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Returns metrics for operators, in the Prometheus text format. */
        get: operations["getMetrics"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/connections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the open event streams of this gateway, oldest first. */
        get: operations["listConnections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/indexer": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Shows whether operators want the indexer to run, and what it is doing. */
        get: operations["getIndexer"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/indexer/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Pauses the indexer: it finishes its batch, then asks for nothing until it is resumed, even after a restart. */
        post: operations["pauseIndexer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/indexer/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Resumes the indexer where it stopped. */
        post: operations["resumeIndexer"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/quarantine": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists quarantined events. */
        get: operations["listQuarantine"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/quarantine/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Decodes quarantined events again and stores those that succeed; subscribers are told what was revised. */
        post: operations["replayQuarantine"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/admin/revoke": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Revokes every token of a subject that was issued until now, on every node; its open event streams end. */
        post: operations["revokeTokens"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the caller's API keys, or for operators those of `sub`. */
        get: operations["listApiKeys"];
        put?: never;
        /** Creates an API key. Its secret is in the answer and is never shown again. */
        post: operations["createApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /**
         * Deletes an API key: no node accepts it any more, and its open event streams end.
         * @description Its subject may delete it, whatever it grants.
         */
        delete: operations["deleteApiKey"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/api-keys/{id}/rotate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Gives an API key a new secret. Earlier ones stay valid for a while, so that a service can switch over.
         * @description The caller needs every scope of the key, or the scope `admin`.
         */
        post: operations["rotateApiKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/auth": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Returns a sign-in challenge for an account. */
        get: operations["getChallenge"];
        put?: never;
        /** Returns a token for a signed challenge. */
        post: operations["signIn"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists events of every stream. */
        get: operations["listEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/stats": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Reports how many connections there are and what was sent to them. */
        get: operations["getEventStats"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/subscribe": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Opens an event stream. */
        get: operations["subscribeToEvents"];
        put?: never;
        /**
         * Opens an event stream. The parameters may be in the body, as JSON, or in the URL.
         * @description A parameter that may be given only once may be in one of them, and lists in both add up. The filter of a ticket is its
         *     own, as for `GET`.
         */
        post: operations["subscribeToPostedFilter"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/events/tickets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Issues a ticket to the caller: valid once, for a minute, for this filter.
         * @description Where the service asks for no token, a ticket is what lets an `EventSource` use a filter that no URL has room for.
         */
        post: operations["issueTicket"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/feeds": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the filters that the caller saved. */
        get: operations["listFeeds"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/feeds/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Returns a filter that the caller saved. */
        get: operations["getFeed"];
        /**
         * Saves a filter under a name of the caller's own, in place of an earlier one.
         * @description It is used as `feed=<name>` by subscriptions and tickets. Event streams that are open keep the filter that they were
         *     opened with.
         */
        put: operations["saveFeed"];
        post?: never;
        /** Deletes a filter that the caller saved. Event streams that are open keep it. */
        delete: operations["deleteFeed"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/status": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Reports the status, which is at most a second old.
         * @description Always 200 while the database answers; `/health/ready` is the route that answers 503.
         */
        get: operations["getStatus"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/streams": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists streams, by default the most recently created first. */
        get: operations["listStreams"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/streams/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Returns one stream with its latest events, or the chain's own record of it. */
        get: operations["getStream"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/streams/{id}/claimable": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Returns what the recipient can claim at the Unix time `at`, by default at the close of the last ledger. */
        get: operations["getClaimable"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/streams/{id}/corrections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Returns what was corrected in a stream's record because the chain's own entry differed. */
        get: operations["listCorrections"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/streams/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Lists the events of one stream; of a stream that does not exist, an empty list. */
        get: operations["listStreamEvents"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/v1/users/{address}/summary": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Returns what a user pays and is paid as of the last ledger, in all contracts or in one. For an address without
         *     streams, everything is zero.
         */
        get: operations["getUserSummary"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description An address that can hold or receive value, as a strkey (SEP-23): an account `G…`, a contract `C…`, or one of the forms `M…`, `W…`, `B…`, `L…` that token events may carry.
         * @example GAIH3ULLFQ4DGSECF2AR555KZ4KNDGEKN4AFI4SU2M7B43MGK3QJZNSR
         */
        Address: string;
        /**
         * @description An amount of a token in its smallest unit, or a rate of such units a second: an i128, in decimal.
         * @example 997500
         */
        Amount: string;
        /** @description A key. */
        ApiKey: {
            /**
             * @description Who created it.
             * @example an operator
             */
            createdBy: string;
            /** @description When it expires. */
            expiresAt: components["schemas"]["UnixTime"];
            /**
             * @description Its public name.
             * @example 00a1b2c3d4e5f607
             */
            id: string;
            /**
             * @description Whether it was revoked, together with its subject, its creator or the maker of its current secret. A rotation gives
             *     it a valid secret again, unless one of them is banned.
             */
            isRevoked: boolean;
            /** @description When it was created or last rotated. */
            issuedAt: components["schemas"]["UnixTime"];
            lastUsedAt: components["schemas"]["UnixTime"] | null;
            /** @description What its owner calls it. */
            name: string;
            /** @description What it allows. */
            scopes: components["schemas"]["Scope"][];
            /**
             * @description The subject that it acts for.
             * @example a service
             */
            sub: string;
        };
        /** @description The keys of a subject. */
        ApiKeyList: {
            /** @description The keys, newest first, including those that expired within the last week: at most 200; valid keys are never left out. */
            keys: components["schemas"]["ApiKey"][];
        };
        /** @description The key to create. */
        ApiKeyWanted: {
            /**
             * @description What its owner calls it: not only blanks, no control characters, and none that turn the direction of text.
             * @example the payroll export
             */
            name: string;
            /** @description Scopes that it grants. Only callers with the scope `admin` may grant more than they have. */
            scopes?: components["schemas"]["Scope"][];
            /** @description The subject that it acts for. Default: the caller. Any other needs the scope `admin`. */
            sub?: string | null;
            /**
             * Format: int64
             * @description How long it is valid, in seconds, at most 400 days. Default: 90 days.
             * @example 7776000
             */
            ttlSeconds?: number | null;
        };
        /** @description A key with its secret, which is shown only once. */
        ApiKeyWithSecret: {
            key: {
                /**
                 * @description Who created it.
                 * @example an operator
                 */
                createdBy: string;
                /** @description When it expires. */
                expiresAt: components["schemas"]["UnixTime"];
                /**
                 * @description Its public name.
                 * @example 00a1b2c3d4e5f607
                 */
                id: string;
                /**
                 * @description Whether it was revoked, together with its subject, its creator or the maker of its current secret. A rotation gives
                 *     it a valid secret again, unless one of them is banned.
                 */
                isRevoked: boolean;
                /** @description When it was created or last rotated. */
                issuedAt: components["schemas"]["UnixTime"];
                lastUsedAt?: components["schemas"]["UnixTime"] | null;
                /** @description What its owner calls it. */
                name: string;
                /** @description What it allows. */
                scopes: components["schemas"]["Scope"][];
                /**
                 * @description The subject that it acts for.
                 * @example a service
                 */
                sub: string;
            } & Record<string, never>;
            /** @description What to send as `Authorization: Bearer`. It is not stored. */
            secret: string;
        };
        /**
         * @description The contract's own word for the state of a stream.
         * @enum {string}
         */
        ChainStatus: "active" | "paused" | "cancelled" | "completed";
        /** @description The contract's own record as JSON: only what the contract keeps, by the names of our own record. */
        ChainStream: {
            arbiter: components["schemas"]["Address"] | null;
            /** @description The ledger that this record is as of. */
            atLedger: components["schemas"]["LedgerSequence"];
            /** @description The contract's own state, which can disagree with `isActive`. */
            chainStatus: components["schemas"]["ChainStatus"];
            cliffTime: components["schemas"]["UnixTime"] | null;
            contractId: components["schemas"]["ContractId"];
            depositedAmount: components["schemas"]["Amount"];
            /** @description Where a dispute stands. */
            disputeStatus: components["schemas"]["DisputeStatus"];
            id: components["schemas"]["StreamName"];
            isActive: boolean;
            /** @description The sender gave an allowance instead of a deposit. */
            isAllowanceBased: boolean;
            isPaused: boolean;
            /** @description The ledger that last changed it. */
            lastModifiedLedger: components["schemas"]["LedgerSequence"];
            lastUpdateTime: components["schemas"]["UnixTime"] | null;
            liveUntilLedger: components["schemas"]["LedgerSequence"] | null;
            pausedAt: components["schemas"]["UnixTime"] | null;
            ratePerSecond: components["schemas"]["Amount"];
            recipient: components["schemas"]["Address"];
            /** @description How the deposit becomes claimable. */
            schedule: components["schemas"]["Schedule"];
            sender: components["schemas"]["Address"];
            /** @description That this is the contract's own record. */
            source: components["schemas"]["FromChain"];
            startTime: components["schemas"]["UnixTime"] | null;
            streamId: components["schemas"]["StreamId"];
            tokenAddress: components["schemas"]["Address"];
            withdrawnAmount: components["schemas"]["Amount"];
        };
        /** @description A challenge to sign. */
        Challenge: {
            /** @description The passphrase of the network that signatures are for. */
            network_passphrase: string;
            /** @description The challenge: a transaction envelope, XDR in base64. */
            transaction: string;
        };
        /**
         * @description Streams whose records changed without an event: they were completed or corrected from the chain's entries. Fetch them anew.
         *     Sent to those who follow a stream or one of its parties, where a party that was replaced counts too. What happened while a
         *     client was away is told in one notice when it comes back; it is `revised` instead if that is too much, or if events came
         *     late besides. The notice has no `id:`; an `id:` alone follows it, so that a client that breaks off in between is told
         *     again.
         */
        ChangedNotice: {
            /** @description The streams. */
            streams: components["schemas"]["ChangedStream"][];
        };
        /** @description A stream whose record changed. */
        ChangedStream: {
            /** @description Its contract. */
            contractId: components["schemas"]["ContractId"];
            /** @description Its number there. */
            streamId: components["schemas"]["StreamId"];
        };
        /** @description What a stream's recipient can claim at a time, if nothing happens to the stream until then. */
        Claimable: {
            /** @description Whether the contract would pay it out: it refuses inactive and paused streams, and to pay nothing. */
            actionable: boolean;
            calculatedAt: components["schemas"]["UnixTime"] | null;
            claimableAmount: components["schemas"]["Amount"] | null;
            claimableReason: components["schemas"]["ClaimableReason"] | null;
            /** @description The stream. */
            streamId: components["schemas"]["StreamId"];
        };
        /**
         * @description Why it is not known what can be claimed: an event changed something that it does not tell and the chain's entry was not read yet; the entry has a schedule or a field that this version does not know, or did not decode; the contract deleted the record.
         * @enum {string}
         */
        ClaimableReason: "notYetChecked" | "unknownSchedule" | "unknownField" | "unreadableEntry" | "closed";
        /**
         * @description The SHA-256 of a contract's code, in hex.
         * @example 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
         */
        CodeHash: string;
        /**
         * @description The first event of every event stream: what was understood. Its `id:` is a place to resume from; it has none where a
         *     `reset` follows, whose `id:` is that place.
         */
        ConnectedNotice: {
            /**
             * @description The connection's name in logs.
             * @example 00a1b2c3d4e5f607
             */
            clientId: string;
            /** @description The filter. */
            filter: components["schemas"]["SubscriptionFilter"];
            lastEventId: components["schemas"]["EventId"] | null;
            /**
             * @description Those of the filter's streams that the caller sees nothing of yet: they do not exist, or are not the caller's to
             *     see. Their events are sent once there are any that the caller may see. At most 500.
             */
            unknownStreams: string[];
        };
        /** @description How many event streams there are, and the limits. */
        ConnectionStats: {
            /**
             * Format: int32
             * @description The most that may be open.
             */
            maxConnections: number;
            /**
             * Format: int32
             * @description The most that one address may have open.
             */
            maxConnectionsPerIp: number;
            /**
             * Format: int32
             * @description The most that one subject may have open.
             */
            maxConnectionsPerSubject: number;
            /**
             * Format: int32
             * @description The most that one address had open since the start.
             */
            peakConnectionsPerIp: number;
            /**
             * Format: int32
             * @description The most that one subject had open since the start.
             */
            peakConnectionsPerSubject: number;
            /**
             * Format: int64
             * @description TCP connections that were closed at once, because their address made too many, since the start.
             */
            refusedConnects: number;
        };
        /**
         * @description The id of a contract, as a strkey.
         * @example CAAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQCAIBAEAQC526
         */
        ContractId: string;
        /** @description How far the index of one contract is. */
        ContractStatus: {
            /** @description The contract. */
            contractId: components["schemas"]["ContractId"];
            /** @description The ledgers that were seen whole. */
            coverage: components["schemas"]["Coverage"][];
            cursor: components["schemas"]["EventId"] | null;
            fromLedger: components["schemas"]["LedgerSequence"] | null;
            /** @description The ledgers that were not. */
            holes: components["schemas"]["Hole"][];
            /** @description Whether this deployment follows it. Others can be read but no longer change. */
            isFollowed: boolean;
            lastWholeLedger: components["schemas"]["LedgerSequence"] | null;
            lastWholeLedgerClosedAt: components["schemas"]["Moment"] | null;
            /**
             * Format: int64
             * @description Seconds since the last whole ledger closed, by the database's clock.
             */
            lastWholeLedgerClosedSecondsAgo: number | null;
            /** @description Quarantined events. */
            quarantine: components["schemas"]["Quarantine"];
            /** @description Why its index cannot be relied on right now; empty if it can. */
            reasons: string[];
            recordsCheck: components["schemas"]["RecordsCheck"] | null;
            /** @description The latest upgrades of its code. */
            upgrades: components["schemas"]["Upgrade"][];
        };
        /** @description A field of a record that differed from the chain's own entry and was set from it. */
        Correction: {
            /** @description The ledger that the chain's entry was true at. */
            atLedger: components["schemas"]["LedgerSequence"];
            /** @description When it was corrected. */
            correctedAt: components["schemas"]["Moment"];
            /** @description The contract's name of the field; `record` for the whole record. */
            field: string;
            /** @description What the chain has. */
            is: string;
            /**
             * Format: int64
             * @description The number of the correction; later ones are higher.
             */
            number: number;
            /** @description What the record had. */
            was: string;
        };
        Coverage: {
            fromLedger: components["schemas"]["LedgerSequence"];
            source: components["schemas"]["CoverageSource"];
            toLedger: components["schemas"]["LedgerSequence"];
        };
        /**
         * @description Where ledgers were read.
         * @enum {string}
         */
        CoverageSource: "rpc" | "lake" | "getLedgers" | "horizon" | "unknown";
        /**
         * @description Which event of the contract told a creation.
         * @enum {string}
         */
        Creator: "stream" | "stepVesting" | "hybridCliff" | "allowance";
        /** @description What operators want. */
        DesiredState: {
            /** @description The subject who asked for it. */
            by: string | null;
            /** @description Whether the indexer is to pause. */
            paused: boolean;
            since: components["schemas"]["Moment"] | null;
        };
        /** @description A record that differs from the chain's. */
        DifferingRecord: {
            /**
             * @description A field that differs, by the contract's name for it; `record` where the whole record is missing or cannot be
             *     compared.
             */
            field: string;
            /** @description Its stream. */
            streamId: components["schemas"]["StreamId"];
        };
        /**
         * @description Where a dispute about a stream stands.
         * @enum {string}
         */
        DisputeStatus: "none" | "requested" | "approved" | "rejected" | "unknown";
        /** @description How an endpoint that the indexer asks is doing. */
        EndpointHealth: {
            entries: components["schemas"]["EntriesHealth"] | null;
            /**
             * Format: int64
             * @description How many of them failed.
             */
            failures: number;
            /**
             * Format: int64
             * @description How many failed since the last answer.
             */
            failuresInARow: number;
            /** @description Its host, with the port if the URL names one. */
            host: string;
            /** @description The kind of the last failure, in a few words. */
            lastFailure: string | null;
            /**
             * Format: int64
             * @description How long its recent answers took, in milliseconds.
             */
            latencyMs: number | null;
            latestLedger: components["schemas"]["LedgerSequence"] | null;
            oldestLedger: components["schemas"]["LedgerSequence"] | null;
            /**
             * Format: int32
             * @description The largest page that is requested from it, if limited.
             */
            pageLimit: number | null;
            /** @description The passphrase of the network it serves. */
            passphrase: string | null;
            /**
             * Format: int64
             * @description How many requests it has answered or failed.
             */
            requests: number;
            /**
             * Format: int64
             * @description When it will be asked again, in milliseconds from now.
             */
            retryInMs: number | null;
            shape: components["schemas"]["EndpointShape"] | null;
            /** @description Whether it is asked: it is, not now because it failed, or it serves another network or refuses us. */
            state: components["schemas"]["EndpointState"];
            /** @description The server's version. */
            version: string | null;
            /**
             * Format: int32
             * @description The most ledgers that are requested from it at once, if limited.
             */
            windowLedgers: number | null;
        };
        /**
         * @description The API of an endpoint.
         * @enum {string}
         */
        EndpointInterface: "stellarRpc" | "horizon";
        /**
         * @description The shape of an endpoint's answers, where servers differ. An endpoint whose ids or cursors have an unknown form is not
         *     used.
         */
        EndpointShape: {
            cursors: components["schemas"]["IdForm"] | null;
            ids: components["schemas"]["IdForm"] | null;
            /** @description The API that it offers. */
            interface: components["schemas"]["EndpointInterface"];
            /**
             * @description Whether its events say if their call succeeded; null until it has shown one. If they do not say so, the call
             *     succeeded.
             */
            reportsSuccess: boolean | null;
        };
        /**
         * @description Whether an endpoint is asked.
         * @enum {string}
         */
        EndpointState: "ready" | "waiting" | "unusable";
        /** @description How an endpoint is doing that is asked for ledger entries. */
        EntriesHealth: {
            /**
             * Format: int64
             * @description How many requests failed since the last answer.
             */
            failuresInARow: number;
            /** @description The kind of the last failure, in a few words. */
            lastFailure: string | null;
            /**
             * Format: int64
             * @description When it will be asked again, in milliseconds from now.
             */
            retryInMs: number | null;
            /** @description Whether it is asked: it is, not now because it failed, or it refuses us. */
            state: components["schemas"]["EndpointState"];
        };
        /** @description An event of the contract; `type` tells which. */
        Event: components["schemas"]["StreamCreatedEvent"] | components["schemas"]["StreamToppedUpEvent"] | components["schemas"]["StreamWithdrawnEvent"] | components["schemas"]["StreamCancelledEvent"] | components["schemas"]["StreamCompletedEvent"] | components["schemas"]["StreamPausedEvent"] | components["schemas"]["StreamResumedEvent"] | components["schemas"]["StreamFeeCollectedEvent"] | components["schemas"]["StreamRecipientTransferredEvent"] | components["schemas"]["StreamRateModifiedEvent"] | components["schemas"]["StreamMilestoneUnlockedEvent"] | components["schemas"]["StreamDisputeRequestedEvent"] | components["schemas"]["StreamDisputeResolvedEvent"] | components["schemas"]["StreamClosedEvent"] | components["schemas"]["ProtocolInitializedEvent"] | components["schemas"]["ProtocolFeeConfigUpdatedEvent"] | components["schemas"]["ProtocolAdminTransferredEvent"] | components["schemas"]["ProtocolPausedEvent"] | components["schemas"]["ProtocolGuardianUpdatedEvent"] | components["schemas"]["ProtocolUpgradedEvent"] | components["schemas"]["ProtocolMigratedEvent"];
        /**
         * @description The id of an event, or a position in the feed. It sorts as a text in the order of the chain. From the second epoch of a network on, it ends in a full stop and the epoch.
         * @example 0002261634098536448-0000000002
         */
        EventId: string;
        EventList: components["schemas"]["Page"] & {
            /** @description The events. */
            events: components["schemas"]["EventRow"][];
        };
        /** @description An event in a list: what subscribers get, and the names that a FlowFi dashboard reads. */
        EventRow: components["schemas"]["StreamCreatedEventRow"] | components["schemas"]["StreamToppedUpEventRow"] | components["schemas"]["StreamWithdrawnEventRow"] | components["schemas"]["StreamCancelledEventRow"] | components["schemas"]["StreamCompletedEventRow"] | components["schemas"]["StreamPausedEventRow"] | components["schemas"]["StreamResumedEventRow"] | components["schemas"]["StreamFeeCollectedEventRow"] | components["schemas"]["StreamRecipientTransferredEventRow"] | components["schemas"]["StreamRateModifiedEventRow"] | components["schemas"]["StreamMilestoneUnlockedEventRow"] | components["schemas"]["StreamDisputeRequestedEventRow"] | components["schemas"]["StreamDisputeResolvedEventRow"] | components["schemas"]["StreamClosedEventRow"] | components["schemas"]["ProtocolInitializedEventRow"] | components["schemas"]["ProtocolFeeConfigUpdatedEventRow"] | components["schemas"]["ProtocolAdminTransferredEventRow"] | components["schemas"]["ProtocolPausedEventRow"] | components["schemas"]["ProtocolGuardianUpdatedEventRow"] | components["schemas"]["ProtocolUpgradedEventRow"] | components["schemas"]["ProtocolMigratedEventRow"];
        /** @description What every event in a list has beside. */
        EventRowFields: {
            createdAt: components["schemas"]["Moment"];
            eventType: components["schemas"]["EventTypeWord"];
            ledgerSequence: components["schemas"]["LedgerSequence"];
            /** @description The event's own fields, as the contract has them, in camelCase. */
            metadata: {
                [key: string]: string | number | boolean | null;
            };
        };
        /**
         * @description The type of an event, which is also its name in the event stream.
         * @enum {string}
         */
        EventType: "stream.created" | "stream.topped_up" | "stream.withdrawn" | "stream.cancelled" | "stream.completed" | "stream.paused" | "stream.resumed" | "stream.fee_collected" | "stream.recipient_transferred" | "stream.rate_modified" | "stream.milestone_unlocked" | "stream.dispute_requested" | "stream.dispute_resolved" | "stream.closed" | "protocol.initialized" | "protocol.fee_config_updated" | "protocol.admin_transferred" | "protocol.paused" | "protocol.guardian_updated" | "protocol.upgraded" | "protocol.migrated";
        /**
         * @description The type of an event by the word that FlowFi dashboards know.
         * @enum {string}
         */
        EventTypeWord: "CREATED" | "TOPPED_UP" | "WITHDRAWN" | "CANCELLED" | "COMPLETED" | "PAUSED" | "RESUMED" | "FEE_COLLECTED" | "RECIPIENT_TRANSFERRED" | "RATE_MODIFIED" | "MILESTONE_UNLOCKED" | "DISPUTE_REQUESTED" | "DISPUTE_RESOLVED" | "CLOSED" | "INITIALIZED" | "FEE_CONFIG_UPDATED" | "ADMIN_TRANSFERRED" | "PROTOCOL_PAUSED" | "GUARDIAN_UPDATED" | "UPGRADED" | "MIGRATED";
        /** @description The token is no longer valid, and the stream ends. Reconnect with a new token and the last id. */
        ExpiredNotice: {
            /** @description It expired, or it was revoked. */
            reason: components["schemas"]["ExpiredReason"];
        };
        /**
         * @description Why a token is no longer valid.
         * @enum {string}
         */
        ExpiredReason: "expired" | "revoked";
        /** @description The feed's statistics. */
        FeedCounters: {
            /** @description Open subscriptions by what they ask for. */
            byFilter: components["schemas"]["SubscriptionsByFilter"];
            /**
             * Format: int64
             * @description Open subscriptions.
             */
            connections: number;
            /**
             * Format: int64
             * @description Event frames sent to connections that resumed or had fallen behind.
             */
            eventsReplayed: number;
            /**
             * Format: int64
             * @description Event frames sent to connections, including replayed ones.
             */
            eventsSent: number;
            /**
             * Format: int64
             * @description The most at any one time since the start.
             */
            peakConnections: number;
            /**
             * Format: int64
             * @description How often a connection was told that its last event id cannot be resumed from.
             */
            resets: number;
            /**
             * Format: int64
             * @description How often a connection fell behind and had to be caught up from the table.
             */
            slowClients: number;
        };
        FeedStats: components["schemas"]["FeedCounters"] & {
            lastEventId: components["schemas"]["EventId"] | null;
            /** @description The limits, and how near to them it was. */
            limits: components["schemas"]["ConnectionStats"];
        };
        /**
         * @description What an event stream asks for.
         * @enum {string}
         */
        FilterWord: "all" | "streams" | "users" | "mixed";
        Flow: {
            /**
             * Format: int64
             * @description Of those, active ones.
             */
            activeCount: number;
            /** @description What can be claimed of them. */
            claimableAmount: components["schemas"]["Total"];
            /** @description What was deposited into them. */
            depositedAmount: components["schemas"]["Total"];
            /** @description What accrues per second. */
            ratePerSecond: components["schemas"]["Total"];
            /**
             * Format: int64
             * @description Streams.
             */
            streamCount: number;
            /**
             * Format: int64
             * @description Streams that `claimableAmount` and `ratePerSecond` leave out, since it is not known what they pay.
             */
            unknownCount: number;
            /** @description What was paid out of them. */
            withdrawnAmount: components["schemas"]["Total"];
        };
        /**
         * @description That a record is the contract's own.
         * @enum {string}
         */
        FromChain: "chain";
        /** @description Whether the service can be relied on. */
        Health: {
            /**
             * Format: int32
             * @description How many ledgers the index is behind the tip; null if nobody knows the tip of this moment.
             */
            lagLedgers: number | null;
            /**
             * Format: int64
             * @description The same by close times.
             */
            lagSeconds: number | null;
            /**
             * Format: int64
             * @description How many ledgers the source may drop before it drops one that is not indexed, as of its last answer.
             */
            ledgersToDataLoss: number | null;
            /** @description Whether the index can be relied on. */
            ready: boolean;
            /** @description Why it cannot be relied on; empty if it can. */
            reasons: string[];
        };
        Hole: {
            /** @description Whether an operator accepted that these ledgers are lost. */
            accepted: boolean;
            fromLedger: components["schemas"]["LedgerSequence"];
            toLedger: components["schemas"]["LedgerSequence"];
        };
        /**
         * @description A form of ids and cursors: a TOID (SEP-35) and an index with a hyphen between them, or a TOID alone.
         * @enum {string}
         */
        IdForm: "toidAndIndex" | "toid";
        Indexer: {
            /** @description Why, in words, where that needs any; null for callers who do not run the service (scope `admin`). */
            detail: string | null;
            /**
             * Format: int64
             * @description Milliseconds since this report.
             */
            reportedMsAgo: number;
            /** @description What it is doing. */
            state: components["schemas"]["IndexerState"];
        };
        /** @description What operators want of the indexer, and what it does. */
        IndexerControl: {
            /** @description What operators want. */
            desired: components["schemas"]["DesiredState"];
            /** @description Whether a process holds the writer's lock. */
            hasWriter: boolean;
            indexer: components["schemas"]["Indexer"] | null;
            /**
             * Format: int32
             * @description How many ledgers the index is behind that; null if nobody knows the tip of this moment.
             */
            lagLedgers: number | null;
            tipLedger: components["schemas"]["LedgerSequence"] | null;
        };
        /**
         * @description What the indexer is doing: following the tip, catching up with it, filling a hole, waiting at ledgers that no source has, waiting for a source to answer, or waiting for room on the database's disk.
         * @enum {string}
         */
        IndexerState: "following" | "catchingUp" | "fillingHole" | "hole" | "sourceAway" | "databaseFull" | "paused" | "stopped" | "unknown";
        /**
         * Format: int64
         * @description The sequence number of a ledger.
         * @example 526587
         */
        LedgerSequence: number;
        /**
         * Format: date-time
         * @description A moment in UTC (RFC 3339).
         * @example 2026-02-13T16:26:40Z
         */
        Moment: string;
        Network: {
            /**
             * Format: int32
             * @description How often the network was reset while it was indexed.
             */
            epoch: number;
            /** @description The network's passphrase. */
            passphrase: string;
        };
        /** @description An open event stream. */
        OpenConnection: {
            /**
             * Format: int64
             * @description Seconds since it was opened.
             */
            ageSeconds: number;
            /** @description Whether it is still replaying earlier events. */
            catchingUp: boolean;
            /**
             * @description The name that the client was given for this connection.
             * @example 00a1b2c3d4e5f607
             */
            clientId: string;
            /** @description What it asks for, in one word. */
            filter: components["schemas"]["FilterWord"];
            /**
             * Format: int64
             * @description Matching events that were published but not yet delivered to it.
             */
            pendingEvents: number;
            /** @description Who signed in; null where nobody did. */
            subject: string | null;
        };
        /** @description The open event streams of a gateway. */
        OpenConnections: {
            /** @description The oldest thousand of them, oldest first. */
            connections: components["schemas"]["OpenConnection"][];
            /**
             * Format: int64
             * @description How many there are.
             */
            total: number;
        };
        /** @description Facts about a page, in addition to its items. */
        Page: {
            /** @description Whether there is a next page. */
            hasMore: boolean;
            /**
             * Format: int32
             * @description The maximum number of items on this page.
             */
            limit: number;
            /** @description The `cursor` of the next page. */
            nextCursor: string | null;
            /**
             * Format: int32
             * @description How many items precede this page; 0 if a cursor was given.
             */
            offset: number;
            /**
             * Format: int32
             * @description How many items there are on all pages, counted up to 10000.
             */
            total: number;
            /** @description There are more than `total`: counting stopped there. */
            totalCapped?: boolean;
        };
        /** @description A refusal in a form that clients can read. It reveals nothing about the inside of the service. */
        Problem: {
            /** @description What is wrong in this case, for people to read. */
            detail: string;
            /** @description The invalid parameter, if there is one. */
            parameter?: string;
            /**
             * Format: int32
             * @description The status of the answer.
             */
            status: number;
            /**
             * @description The kind of problem, in words.
             * @example Invalid parameter
             */
            title: string;
            /**
             * @description The kind of problem, as a path that never changes.
             * @example /problems/invalid-parameter
             */
            type: string;
        };
        /** @description The contract has a new administrator. */
        ProtocolAdminTransferredEvent: components["schemas"]["ProtocolEventFields"] & {
            newAdmin: components["schemas"]["Address"];
            previousAdmin: components["schemas"]["Address"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "protocol.admin_transferred";
        };
        /** @description The contract has a new administrator. */
        ProtocolAdminTransferredEventRow: components["schemas"]["ProtocolAdminTransferredEvent"] & components["schemas"]["EventRowFields"];
        /** @description What every event of the protocol itself has. Stream, parties, token and amount are null. */
        ProtocolEventFields: {
            amount: null | components["schemas"]["Amount"];
            contractId: components["schemas"]["ContractId"];
            id: components["schemas"]["EventId"];
            ledger: components["schemas"]["LedgerSequence"];
            ledgerClosedAt: components["schemas"]["Moment"];
            recipient: null | components["schemas"]["Address"];
            sender: null | components["schemas"]["Address"];
            streamId: null | components["schemas"]["StreamId"];
            timestamp: components["schemas"]["UnixTime"];
            tokenAddress: null | components["schemas"]["Address"];
            transactionHash: components["schemas"]["TransactionHash"];
        };
        /** @description The protocol's fee changed. */
        ProtocolFeeConfigUpdatedEvent: components["schemas"]["ProtocolEventFields"] & {
            admin: components["schemas"]["Address"];
            /**
             * Format: int64
             * @description Hundredths of a percent.
             */
            newFeeRateBps: number;
            newTreasury: components["schemas"]["Address"];
            /**
             * Format: int64
             * @description Hundredths of a percent.
             */
            oldFeeRateBps: number;
            oldTreasury: components["schemas"]["Address"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "protocol.fee_config_updated";
        };
        /** @description The protocol's fee changed. */
        ProtocolFeeConfigUpdatedEventRow: components["schemas"]["ProtocolFeeConfigUpdatedEvent"] & components["schemas"]["EventRowFields"];
        /** @description Another account may stop deposits in an emergency, or none may. */
        ProtocolGuardianUpdatedEvent: components["schemas"]["ProtocolEventFields"] & {
            admin: components["schemas"]["Address"];
            guardian: null | components["schemas"]["Address"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "protocol.guardian_updated";
        };
        /** @description Another account may stop deposits in an emergency, or none may. */
        ProtocolGuardianUpdatedEventRow: components["schemas"]["ProtocolGuardianUpdatedEvent"] & components["schemas"]["EventRowFields"];
        /** @description The contract was initialized. */
        ProtocolInitializedEvent: components["schemas"]["ProtocolEventFields"] & {
            admin: components["schemas"]["Address"];
            /**
             * Format: int64
             * @description Hundredths of a percent.
             */
            feeRateBps: number;
            treasury: components["schemas"]["Address"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "protocol.initialized";
        };
        /** @description The contract was initialized. */
        ProtocolInitializedEventRow: components["schemas"]["ProtocolInitializedEvent"] & components["schemas"]["EventRowFields"];
        /** @description The contract raised the version of what it stores. */
        ProtocolMigratedEvent: components["schemas"]["ProtocolEventFields"] & {
            admin: components["schemas"]["Address"];
            /**
             * Format: int64
             * @description The contract's own number.
             */
            newVersion: number;
            /**
             * Format: int64
             * @description The contract's own number.
             */
            oldVersion: number;
            /**
             * @description The type.
             * @enum {string}
             */
            type: "protocol.migrated";
        };
        /** @description The contract raised the version of what it stores. */
        ProtocolMigratedEventRow: components["schemas"]["ProtocolMigratedEvent"] & components["schemas"]["EventRowFields"];
        /** @description Deposits were stopped or allowed again. The contract says so twice: once with `caller` and `paused`, and once with `admin` and `isPaused`. */
        ProtocolPausedEvent: components["schemas"]["ProtocolEventFields"] & {
            admin?: components["schemas"]["Address"];
            caller?: components["schemas"]["Address"];
            isPaused?: boolean;
            paused?: boolean;
            /**
             * @description The type.
             * @enum {string}
             */
            type: "protocol.paused";
        };
        /** @description Deposits were stopped or allowed again. The contract says so twice: once with `caller` and `paused`, and once with `admin` and `isPaused`. */
        ProtocolPausedEventRow: components["schemas"]["ProtocolPausedEvent"] & components["schemas"]["EventRowFields"];
        /** @description The contract replaced its own code. The first old hash is all zeros. */
        ProtocolUpgradedEvent: components["schemas"]["ProtocolEventFields"] & {
            admin: components["schemas"]["Address"];
            newWasmHash: components["schemas"]["CodeHash"];
            oldWasmHash: components["schemas"]["CodeHash"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "protocol.upgraded";
        };
        /** @description The contract replaced its own code. The first old hash is all zeros. */
        ProtocolUpgradedEventRow: components["schemas"]["ProtocolUpgradedEvent"] & components["schemas"]["EventRowFields"];
        Quarantine: {
            /**
             * Format: int64
             * @description Events that did not decode.
             */
            refused: number;
            /**
             * Format: int64
             * @description Events with unknown names.
             */
            unknown: number;
        };
        /** @description Quarantined events, in chain order. */
        QuarantineList: {
            /** @description The events of this page. */
            events: components["schemas"]["QuarantinedEvent"][];
            nextCursor: components["schemas"]["EventId"] | null;
            /** @description How many there are in all. */
            total: components["schemas"]["Quarantine"];
        };
        /** @description A quarantined event, and why. */
        QuarantinedEvent: {
            /** @description The contract that emitted it. */
            contractId: components["schemas"]["ContractId"];
            /** @description Its position on the chain. */
            id: components["schemas"]["EventId"];
            /** @description `unknown`: this version does not know its name. `refused`: it did not decode. */
            kind: string;
            /** @description Its ledger. */
            ledger: components["schemas"]["LedgerSequence"];
            /** @description When that closed. */
            ledgerClosedAt: components["schemas"]["Moment"];
            /** @description Its name, if it has a readable one. */
            name: string | null;
            /** @description Why it is in quarantine. */
            reason: string;
            streamId: components["schemas"]["StreamId"] | null;
            /** @description XDR in base64. */
            topics: string[];
            /** @description Its transaction. */
            transactionHash: string;
            /** @description XDR in base64. */
            value: string;
        };
        /** @description The daemon compares the records of a contract with the chain, some at a time, until all were compared, and starts over. */
        RecordsCheck: {
            checkedAt: components["schemas"]["Moment"] | null;
            /**
             * Format: int64
             * @description How many records are known to differ from the chain's or to be missing; at most 1000 are counted.
             */
            differing: number;
            /** @description Some of them; empty for callers who may not see every stream. */
            examples: components["schemas"]["DifferingRecord"][];
            roundCompletedAt: components["schemas"]["Moment"] | null;
            /**
             * Format: int64
             * @description How many events a second endpoint had that were missing here. They were written late.
             */
            secondOpinionEvents: number;
            /**
             * Format: int64
             * @description How many streams that round compared; during the first one, how many it has compared so far.
             */
            streams: number;
        };
        /** @description The outcome of a replay of the quarantine. */
        Replayed: {
            /** @description Events that still do not decode. */
            kept: number;
            /** @description Events that were decoded and stored. */
            released: number;
        };
        /** @description The last event id cannot be resumed from: fetch everything you show again. Only new events follow. */
        ResetNotice: {
            newestEventId: components["schemas"]["EventId"] | null;
            oldestEventId: components["schemas"]["EventId"] | null;
            /** @description Why: it is no id, lies beyond the newest event, lies before what is kept, or is of before a reset of the network. */
            reason: components["schemas"]["ResetReason"];
        };
        /**
         * @description Why an id cannot be resumed from.
         * @enum {string}
         */
        ResetReason: "malformed" | "beyondTip" | "beforeOldest" | "networkReset";
        /**
         * @description The `id:` of a frame: the id of its event or a position, as far as its receiver was told of everything. Once rows came late or records changed without an event, it ends in a full stop, the epoch, a full stop and the number of the last such revision, so that a client that hands it back unchanged is told of the later ones that concern it.
         * @example 0002261634098536448-0000000002.0.3
         */
        ResumeId: string;
        /** @description The client read nothing for longer than the service waits, and the stream ends. Reconnect with the last id. */
        ResumeNotice: {
            /** @description Why the stream ends. */
            reason: components["schemas"]["ResumeReason"];
        };
        /**
         * @description Why a stream ends that is to be resumed.
         * @enum {string}
         */
        ResumeReason: "slow";
        /**
         * @description Events of this range were added or corrected after their turn: fetch them anew. They are not sent. What happened while a
         *     client was away is told in one notice when it comes back. The notice has no `id:`; an `id:` alone follows it, so that a
         *     client that breaks off in between is told again.
         */
        RevisedNotice: {
            /** @description The first; for callers who may not see every event, the end of the ledger before its ledger. */
            fromId: components["schemas"]["EventId"];
            /** @description The last; for callers who may not see every event, the end of its ledger. */
            toId: components["schemas"]["EventId"];
        };
        /** @description Whose tokens to revoke. */
        Revocation: {
            /**
             * @description Whether to keep the subject out from now on (true), or to let it in again (false). Left out, a wallet can sign in
             *     again some seconds later.
             */
            ban?: boolean | null;
            /**
             * @description The subject, as it stands in its tokens.
             * @example GAIH3ULLFQ4DGSECF2AR555KZ4KNDGEKN4AFI4SU2M7B43MGK3QJZNSR
             */
            sub: string;
        };
        /** @description How a key is rotated. */
        Rotation: {
            /**
             * Format: int64
             * @description How long earlier secrets stay valid, in seconds, at most a week. Default: an hour. A secret that ends
             *     sooner keeps its end.
             * @example 3600
             */
            overlapSeconds?: number | null;
        };
        /** @description A saved filter. */
        SavedFilter: {
            /**
             * @description What its owner calls it.
             * @example payroll
             */
            name: string;
            /** @description When it was saved. */
            savedAt: components["schemas"]["Moment"];
            /** @description Streams, in order. */
            streams: components["schemas"]["StreamName"][];
            /** @description Senders and recipients, in order. */
            users: components["schemas"]["Address"][];
        };
        /** @description The saved filters of the caller. */
        SavedFilterList: {
            /** @description In the order of their names, at most 20. */
            feeds: {
                /**
                 * @description What its owner calls it.
                 * @example payroll
                 */
                name: string;
                /** @description When it was saved. */
                savedAt: components["schemas"]["Moment"];
                /**
                 * Format: int64
                 * @description How many streams it names.
                 */
                streams: number;
                /**
                 * Format: int64
                 * @description How many users it names.
                 */
                users: number;
            }[];
        };
        /**
         * @description The streams and users of a saved filter: 1 to 5000 in all. Each of them adds events, as in a \
         *                         subscription.
         */
        SavedFilterRequest: {
            /** @description Events of these streams, by number or as `C…:7`. */
            streams?: string[];
            /** @description Events of streams that these addresses send or receive. */
            users?: components["schemas"]["Address"][];
        };
        /** @description A saved filter without what it names. */
        SavedFilterSummary: {
            /**
             * @description What its owner calls it.
             * @example payroll
             */
            name: string;
            /** @description When it was saved. */
            savedAt: components["schemas"]["Moment"];
            /**
             * Format: int64
             * @description How many streams it names.
             */
            streams: number;
            /**
             * Format: int64
             * @description How many users it names.
             */
            users: number;
        };
        /** @description How the deposit becomes claimable, told apart by `kind`. A time is null if it lies beyond the year 9999. */
        Schedule: {
            /** @enum {string} */
            kind: "linear";
        } | {
            cliffTime: components["schemas"]["UnixTime"] | null;
            /** @enum {string} */
            kind: "cliff";
        } | {
            /** @description What can be claimed at that time. */
            cliffAmount: components["schemas"]["Amount"];
            cliffTime: components["schemas"]["UnixTime"] | null;
            /** @enum {string} */
            kind: "cliffLump";
        } | {
            /** @enum {string} */
            kind: "steps";
            /** @description The steps in the contract's order. */
            steps: components["schemas"]["ScheduleStep"][];
        } | {
            /** @description What each interval releases. */
            amount: components["schemas"]["Amount"];
            /**
             * Format: int64
             * @description The length of an interval in seconds.
             */
            everySeconds: number;
            /** @enum {string} */
            kind: "interval";
        } | {
            /** @enum {string} */
            kind: "unknown";
            /** @description Why it is not known. */
            reason: components["schemas"]["ClaimableReason"];
        };
        /**
         * @description How a deposit becomes claimable, by its kind.
         * @enum {string}
         */
        ScheduleKind: "linear" | "cliff" | "cliffLump" | "steps" | "interval" | "unknown";
        /** @description One step. */
        ScheduleStep: {
            /** @description What it releases. */
            unlockAmount: components["schemas"]["Amount"];
            unlockTime: components["schemas"]["UnixTime"] | null;
        };
        /**
         * @description What a token or key allows beyond reading one's own streams.
         * @enum {string}
         */
        Scope: "events:read:all" | "admin";
        /** @description Why the sign-in failed: a problem, with the member that SEP-10 asks for. */
        SignInProblem: components["schemas"]["Problem"] & {
            /** @description The `detail`, under the name that SEP-10 has for it. */
            error: string;
        };
        /** @description A signed challenge. */
        SignedChallenge: {
            /** @description The challenge with the client's signatures: a transaction envelope, XDR in base64. */
            transaction: string;
        };
        /**
         * @description How far the index is. For several contracts, figures are those of the worst and lists cover all of them; `contracts`
         *     has each by itself.
         */
        Status: {
            contractId: components["schemas"]["ContractId"] | null;
            /** @description Every contract that is or was followed. */
            contracts: components["schemas"]["ContractStatus"][];
            /** @description The ledgers that were seen whole. */
            coverage: components["schemas"]["Coverage"][];
            cursor: components["schemas"]["EventId"] | null;
            /** @description The endpoints that the indexer asks; empty for callers who do not run the service (scope `admin`). */
            endpoints: components["schemas"]["EndpointHealth"][];
            fromLedger: components["schemas"]["LedgerSequence"] | null;
            /** @description Whether a process holds the writer's lock. */
            hasWriter: boolean;
            /** @description The ledgers that were not. */
            holes: components["schemas"]["Hole"][];
            indexer: components["schemas"]["Indexer"] | null;
            /**
             * Format: int32
             * @description How many ledgers the index is behind that; null if nobody knows the tip of this moment, because the source is
             *     away, its tip stands still or is old, or the indexer does not follow it. `reasons` says which.
             */
            lagLedgers: number | null;
            /**
             * Format: int64
             * @description The same by close times.
             */
            lagSeconds: number | null;
            lastWholeLedger: components["schemas"]["LedgerSequence"] | null;
            lastWholeLedgerClosedAt: components["schemas"]["Moment"] | null;
            /**
             * Format: int64
             * @description Seconds since the last whole ledger closed, by the database's clock.
             */
            lastWholeLedgerClosedSecondsAgo: number | null;
            /**
             * Format: int64
             * @description How many ledgers the source may drop before it drops one that is not indexed, as of its last answer.
             */
            ledgersToDataLoss: number | null;
            network: components["schemas"]["Network"] | null;
            oldestLedgerOfSource: components["schemas"]["LedgerSequence"] | null;
            /** @description Quarantined events. */
            quarantine: components["schemas"]["Quarantine"];
            /** @description Why the index cannot be relied on right now; empty if it can. */
            reasons: string[];
            /**
             * Format: int64
             * @description Seconds since the source last answered the indexer, by the database's clock.
             */
            sourceAnsweredSecondsAgo: number | null;
            tipLedger: components["schemas"]["LedgerSequence"] | null;
            /**
             * Format: int64
             * @description Seconds since the source had a new ledger, by the database's clock.
             */
            tipMovedSecondsAgo: number | null;
            /** @description The latest upgrades of the contract's code. */
            upgrades: components["schemas"]["Upgrade"][];
        };
        /** @description A stream as of the close of a ledger. */
        Stream: {
            arbiter: components["schemas"]["Address"] | null;
            calculatedAt: components["schemas"]["UnixTime"] | null;
            checkedAtLedger: components["schemas"]["LedgerSequence"] | null;
            claimableAmount: components["schemas"]["Amount"] | null;
            claimableReason: components["schemas"]["ClaimableReason"] | null;
            cliffTime: components["schemas"]["UnixTime"] | null;
            /** @description The contract that holds it. */
            contractId: components["schemas"]["ContractId"];
            /** @description When the ledger of its creation closed. */
            createdAt: components["schemas"]["Moment"];
            /** @description What was deposited, net of fees. */
            depositedAmount: components["schemas"]["Amount"];
            /** @description Where a dispute stands. */
            disputeStatus: components["schemas"]["DisputeStatus"];
            endTime: components["schemas"]["UnixTime"] | null;
            /**
             * @description The stream's name in paths and in `streams=`: its number, or `contract:number` if this is not the only contract that
             *     the service follows.
             */
            id: components["schemas"]["StreamName"];
            /** @description Its events are in an order that the contract does not allow. */
            impossibleOrder: boolean;
            /** @description Whether the contract still pays from it. */
            isActive: boolean;
            /** @description The sender gave an allowance instead of a deposit. */
            isAllowanceBased: boolean;
            /** @description Whether it is paused and accrues nothing. */
            isPaused: boolean;
            /** @description The ledger of its last event. */
            lastEventLedger: components["schemas"]["LedgerSequence"];
            lastUpdateTime: components["schemas"]["UnixTime"] | null;
            pausedAt: components["schemas"]["UnixTime"] | null;
            /** @description How much accrues per second. */
            ratePerSecond: components["schemas"]["Amount"];
            /** @description Who receives the money. */
            recipient: components["schemas"]["Address"];
            /** @description How the deposit becomes claimable. */
            schedule: components["schemas"]["Schedule"];
            /** @description Who pays. */
            sender: components["schemas"]["Address"];
            startTime: components["schemas"]["UnixTime"] | null;
            /** @description Its state at `calculatedAt`. */
            status: components["schemas"]["StreamStatus"];
            /** @description The stream's number within its contract. */
            streamId: components["schemas"]["StreamId"];
            /** @description The token that is paid. */
            tokenAddress: components["schemas"]["Address"];
            /**
             * Format: int64
             * @description How many seconds it was paused in total.
             */
            totalPausedDuration: number;
            /**
             * @description An event that cannot be read, or that leaves its deposit out, spoke of it: nothing is computed until the chain's own
             *     entry was read.
             */
            unverified: boolean;
            /** @description When the ledger of its last event closed. */
            updatedAt: components["schemas"]["Moment"];
            /** @description What was paid out. */
            withdrawnAmount: components["schemas"]["Amount"];
        };
        /** @description The sender ended a stream. `amount` is what this paid to the recipient, `amountWithdrawn` what the recipient was paid in total. */
        StreamCancelledEvent: components["schemas"]["StreamEventFields"] & {
            amountWithdrawn: components["schemas"]["Amount"];
            refundedAmount?: components["schemas"]["Amount"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.cancelled";
        };
        /** @description The sender ended a stream. `amount` is what this paid to the recipient, `amountWithdrawn` what the recipient was paid in total. */
        StreamCancelledEventRow: components["schemas"]["StreamCancelledEvent"] & components["schemas"]["EventRowFields"];
        /** @description The contract deleted the record of a finished stream. */
        StreamClosedEvent: components["schemas"]["StreamEventFields"] & {
            closer: components["schemas"]["Address"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.closed";
        };
        /** @description The contract deleted the record of a finished stream. */
        StreamClosedEventRow: components["schemas"]["StreamClosedEvent"] & components["schemas"]["EventRowFields"];
        /** @description A withdrawal emptied a stream. */
        StreamCompletedEvent: components["schemas"]["StreamEventFields"] & {
            totalWithdrawn: components["schemas"]["Amount"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.completed";
        };
        /** @description A withdrawal emptied a stream. */
        StreamCompletedEventRow: components["schemas"]["StreamCompletedEvent"] & components["schemas"]["EventRowFields"];
        /** @description What was corrected in a stream's record. */
        StreamCorrections: {
            /** @description The newest corrections, at most 100, the newest first. */
            data: components["schemas"]["Correction"][];
            /** @description The stream. */
            streamId: components["schemas"]["StreamId"];
        };
        /** @description A stream was created. `amount` is what was deposited. `creator` names the contract's event; what it does not tell is in the stream's record. */
        StreamCreatedEvent: components["schemas"]["StreamEventFields"] & {
            cliffTime?: null | components["schemas"]["UnixTime"];
            cliffUnlockAmount?: components["schemas"]["Amount"];
            creator?: components["schemas"]["Creator"];
            depositedAmount?: components["schemas"]["Amount"];
            lastUnlockTime?: null | components["schemas"]["UnixTime"];
            ratePerSecond?: components["schemas"]["Amount"];
            schedule?: components["schemas"]["ScheduleKind"];
            startTime?: null | components["schemas"]["UnixTime"];
            /**
             * Format: int64
             * @description The contract's own number.
             */
            stepCount?: number;
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.created";
        };
        /** @description A stream was created. `amount` is what was deposited. `creator` names the contract's event; what it does not tell is in the stream's record. */
        StreamCreatedEventRow: components["schemas"]["StreamCreatedEvent"] & components["schemas"]["EventRowFields"];
        /** @description The sender asked the arbiter to end the stream. */
        StreamDisputeRequestedEvent: components["schemas"]["StreamEventFields"] & {
            arbiter: components["schemas"]["Address"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.dispute_requested";
        };
        /** @description The sender asked the arbiter to end the stream. */
        StreamDisputeRequestedEventRow: components["schemas"]["StreamDisputeRequestedEvent"] & components["schemas"]["EventRowFields"];
        /** @description The arbiter decided. If it approved, the stream's cancellation follows. */
        StreamDisputeResolvedEvent: components["schemas"]["StreamEventFields"] & {
            approved: boolean;
            arbiter: components["schemas"]["Address"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.dispute_resolved";
        };
        /** @description The arbiter decided. If it approved, the stream's cancellation follows. */
        StreamDisputeResolvedEventRow: components["schemas"]["StreamDisputeResolvedEvent"] & components["schemas"]["EventRowFields"];
        StreamEnd: {
            contractId: components["schemas"]["ContractId"];
            endTime: components["schemas"]["UnixTime"] | null;
            recipient: components["schemas"]["Address"];
            sender: components["schemas"]["Address"];
            streamId: components["schemas"]["StreamId"];
            tokenAddress: components["schemas"]["Address"];
        };
        /** @description What every event of a stream has. Parties and token are null where the stream's creation is not indexed. */
        StreamEventFields: {
            amount: null | components["schemas"]["Amount"];
            contractId: components["schemas"]["ContractId"];
            id: components["schemas"]["EventId"];
            ledger: components["schemas"]["LedgerSequence"];
            ledgerClosedAt: components["schemas"]["Moment"];
            recipient: null | components["schemas"]["Address"];
            sender: null | components["schemas"]["Address"];
            streamId: components["schemas"]["StreamId"];
            timestamp: components["schemas"]["UnixTime"];
            tokenAddress: null | components["schemas"]["Address"];
            transactionHash: components["schemas"]["TransactionHash"];
        };
        /** @description The protocol took its fee from a deposit, in `amount`. Precedes the event of the deposit itself. */
        StreamFeeCollectedEvent: components["schemas"]["StreamEventFields"] & {
            feeAmount: components["schemas"]["Amount"];
            token: components["schemas"]["Address"];
            treasury: components["schemas"]["Address"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.fee_collected";
        };
        /** @description The protocol took its fee from a deposit, in `amount`. Precedes the event of the deposit itself. */
        StreamFeeCollectedEventRow: components["schemas"]["StreamFeeCollectedEvent"] & components["schemas"]["EventRowFields"];
        /**
         * @description The number of a stream within its contract: a u64, in decimal.
         * @example 7
         */
        StreamId: string;
        StreamList: components["schemas"]["Page"] & {
            /** @description The streams. */
            data: components["schemas"]["Stream"][];
        };
        /** @description A milestone's condition was met, which unlocks a step of `amount`. */
        StreamMilestoneUnlockedEvent: components["schemas"]["StreamEventFields"] & {
            caller: components["schemas"]["Address"];
            /**
             * Format: int64
             * @description The contract's own number.
             */
            milestoneId: number;
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.milestone_unlocked";
        };
        /** @description A milestone's condition was met, which unlocks a step of `amount`. */
        StreamMilestoneUnlockedEventRow: components["schemas"]["StreamMilestoneUnlockedEvent"] & components["schemas"]["EventRowFields"];
        /**
         * @description What names a stream in paths and filters: its number, or its contract and number.
         * @example 7
         */
        StreamName: string;
        /** @description The sender paused the accrual. */
        StreamPausedEvent: components["schemas"]["StreamEventFields"] & {
            pausedAt: null | components["schemas"]["UnixTime"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.paused";
        };
        /** @description The sender paused the accrual. */
        StreamPausedEventRow: components["schemas"]["StreamPausedEvent"] & components["schemas"]["EventRowFields"];
        /** @description The sender changed the rate. What had accrued and was not withdrawn is lost to the recipient. `newEndTime` is the contract's own, rounded; the stream's `endTime` is exact. */
        StreamRateModifiedEvent: components["schemas"]["StreamEventFields"] & {
            newEndTime: null | components["schemas"]["UnixTime"];
            newRatePerSecond: components["schemas"]["Amount"];
            oldRatePerSecond: components["schemas"]["Amount"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.rate_modified";
        };
        /** @description The sender changed the rate. What had accrued and was not withdrawn is lost to the recipient. `newEndTime` is the contract's own, rounded; the stream's `endTime` is exact. */
        StreamRateModifiedEventRow: components["schemas"]["StreamRateModifiedEvent"] & components["schemas"]["EventRowFields"];
        /** @description The stream has another recipient. `amount` is what this paid to the old one. Subscriptions to either of them get it. */
        StreamRecipientTransferredEvent: components["schemas"]["StreamEventFields"] & {
            newRecipient: components["schemas"]["Address"];
            oldRecipient: components["schemas"]["Address"];
            settledAmount: components["schemas"]["Amount"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.recipient_transferred";
        };
        /** @description The stream has another recipient. `amount` is what this paid to the old one. Subscriptions to either of them get it. */
        StreamRecipientTransferredEventRow: components["schemas"]["StreamRecipientTransferredEvent"] & components["schemas"]["EventRowFields"];
        /** @description The accrual resumed. `newEndTime` is the contract's own, rounded; the stream's `endTime` is exact. */
        StreamResumedEvent: components["schemas"]["StreamEventFields"] & {
            newEndTime: null | components["schemas"]["UnixTime"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.resumed";
        };
        /** @description The accrual resumed. `newEndTime` is the contract's own, rounded; the stream's `endTime` is exact. */
        StreamResumedEventRow: components["schemas"]["StreamResumedEvent"] & components["schemas"]["EventRowFields"];
        /**
         * @description The state of a stream at a time. `ended` is one whose money is all accrued and not yet all withdrawn, `closed` one whose record the contract deleted.
         * @enum {string}
         */
        StreamStatus: "active" | "paused" | "ended" | "cancelled" | "completed" | "closed";
        /** @description The sender added to a stream. `amount` is net of the fee. */
        StreamToppedUpEvent: components["schemas"]["StreamEventFields"] & {
            newDepositedAmount: components["schemas"]["Amount"];
            newEndTime?: null | components["schemas"]["UnixTime"];
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.topped_up";
        };
        /** @description The sender added to a stream. `amount` is net of the fee. */
        StreamToppedUpEventRow: components["schemas"]["StreamToppedUpEvent"] & components["schemas"]["EventRowFields"];
        StreamWithEvents: components["schemas"]["Stream"] & {
            /** @description Its latest events that the caller may see, newest first. */
            events: components["schemas"]["EventRow"][];
        };
        /** @description The recipient withdrew `amount` of what had accrued. */
        StreamWithdrawnEvent: components["schemas"]["StreamEventFields"] & {
            /**
             * @description The type.
             * @enum {string}
             */
            type: "stream.withdrawn";
        };
        /** @description The recipient withdrew `amount` of what had accrued. */
        StreamWithdrawnEventRow: components["schemas"]["StreamWithdrawnEvent"] & components["schemas"]["EventRowFields"];
        /** @description What a subscription asks for. Streams and users widen it, types narrow it. */
        SubscriptionFilter: {
            /** @description Everything that the caller may see. */
            all: boolean;
            /** @description The only contract whose events are sent; absent if there is no such restriction. */
            contract?: components["schemas"]["ContractId"];
            /**
             * @description The saved filter that adds to those; absent if there is none.
             * @example payroll
             */
            feed?: string;
            /** @description Streams, as `7` or as `C…:7`. */
            streams: string[];
            /** @description The types; empty for all types. */
            types: components["schemas"]["EventType"][];
            /** @description Senders and recipients. */
            users: components["schemas"]["Address"][];
        };
        /** @description A frame of the event stream: its `event` line, its `data` line read as JSON, and its `id` line. */
        SubscriptionFrame: {
            data: components["schemas"]["StreamCreatedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.created";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamToppedUpEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.topped_up";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamWithdrawnEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.withdrawn";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamCancelledEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.cancelled";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamCompletedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.completed";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamPausedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.paused";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamResumedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.resumed";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamFeeCollectedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.fee_collected";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamRecipientTransferredEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.recipient_transferred";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamRateModifiedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.rate_modified";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamMilestoneUnlockedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.milestone_unlocked";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamDisputeRequestedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.dispute_requested";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamDisputeResolvedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.dispute_resolved";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["StreamClosedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "stream.closed";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ProtocolInitializedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "protocol.initialized";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ProtocolFeeConfigUpdatedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "protocol.fee_config_updated";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ProtocolAdminTransferredEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "protocol.admin_transferred";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ProtocolPausedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "protocol.paused";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ProtocolGuardianUpdatedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "protocol.guardian_updated";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ProtocolUpgradedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "protocol.upgraded";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ProtocolMigratedEvent"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "protocol.migrated";
            id: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ConnectedNotice"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "connected";
            id?: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ResetNotice"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "reset";
            id?: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["RevisedNotice"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "revised";
            id?: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ChangedNotice"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "changed";
            id?: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ExpiredNotice"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "expired";
            id?: components["schemas"]["ResumeId"];
        } | {
            data: components["schemas"]["ResumeNotice"];
            /**
             * @description The name.
             * @enum {string}
             */
            event: "resume";
            id?: components["schemas"]["ResumeId"];
        };
        /** @description What to subscribe to: the parameters of the query, which may be here instead. If `streams`, `users` or `all` is given, one of them must name something. */
        SubscriptionRequest: {
            /**
             * @description Every event that the caller may see.
             * @default false
             */
            all: boolean;
            contract?: components["schemas"]["ContractId"] | null;
            feed?: string | null;
            lastEventId?: components["schemas"]["ResumeId"] | null;
            /** @description Events of these streams, by number or as `C…:7`. */
            streams?: string[];
            /**
             * @description Whether to answer 404 if the caller may not see one of the streams. Default: false.
             * @default false
             */
            strict: boolean;
            /** @description Of the above, only these types. */
            types?: components["schemas"]["EventType"][];
            /** @description Events of streams that these addresses send or receive. */
            users?: components["schemas"]["Address"][];
        };
        /** @description Open subscriptions by what they ask for. */
        SubscriptionsByFilter: {
            /**
             * Format: int64
             * @description Every event.
             */
            all: number;
            /**
             * Format: int64
             * @description Streams and addresses.
             */
            mixed: number;
            /**
             * Format: int64
             * @description Streams only.
             */
            streams: number;
            /**
             * Format: int64
             * @description Addresses only.
             */
            users: number;
        };
        /** @description A ticket: `?ticket=` of one subscription. */
        Ticket: {
            /** @description When it expires, in Unix seconds. */
            expiresAt: components["schemas"]["UnixTime"];
            /** @description The ticket itself. */
            ticket: string;
        };
        /** @description What a ticket is valid for: the filter of a subscription. Without `streams`, `users` and `all` it means what a subscription without them means. If one of them is given, one must name something. */
        TicketRequest: {
            /**
             * @description Every event that the caller may see.
             * @default false
             */
            all: boolean;
            contract?: components["schemas"]["ContractId"] | null;
            feed?: string | null;
            /** @description Events of these streams, by number or as `C…:7`. */
            streams?: string[];
            /** @description Of the above, only these types. */
            types?: components["schemas"]["EventType"][];
            /** @description Events of streams that these addresses send or receive. */
            users?: components["schemas"]["Address"][];
        };
        /** @description A token. */
        Token: {
            /** @description The token: `Authorization: Bearer …`. */
            token: string;
        };
        TokenSummary: {
            /** @description What the user is paid. */
            incoming: components["schemas"]["Flow"];
            /** @description What comes in per second, less what goes out. */
            netRatePerSecond: components["schemas"]["Total"];
            /** @description What the user pays. */
            outgoing: components["schemas"]["Flow"];
            /** @description The token. */
            tokenAddress: components["schemas"]["Address"];
        };
        /**
         * @description A sum of amounts or rates, in decimal; it can pass i128.
         * @example 2992500
         */
        Total: string;
        /**
         * @description The hash of a transaction, in hex.
         * @example 3389e9f0f1a65f19736cacf544c2e825313e8447f569233bb8db39aa607c8889
         */
        TransactionHash: string;
        /**
         * Format: int64
         * @description A time in Unix seconds; null if it lies beyond the year 9999.
         * @example 1771000000
         */
        UnixTime: number;
        Upgrade: {
            id: components["schemas"]["EventId"] | null;
            ledger: components["schemas"]["LedgerSequence"];
            ledgerClosedAt: components["schemas"]["Moment"];
            newExecutable: components["schemas"]["CodeHash"];
            oldExecutable: components["schemas"]["CodeHash"];
            transactionHash: components["schemas"]["TransactionHash"];
        };
        /** @description What a user pays and is paid. Amounts of different tokens are never added. */
        UserSummary: {
            /**
             * Format: int64
             * @description Active streams that it receives.
             */
            activeIncomingCount: number;
            /**
             * Format: int64
             * @description Active streams that it sends.
             */
            activeOutgoingCount: number;
            /** @description The user. */
            address: components["schemas"]["Address"];
            calculatedAt: components["schemas"]["UnixTime"] | null;
            /** @description There are more tokens than shown. */
            hasMoreTokens: boolean;
            /** @description The active streams that run out first. */
            nextEnds: components["schemas"]["StreamEnd"][];
            /** @description The same by token, with amounts. */
            tokens: components["schemas"]["TokenSummary"][];
            /**
             * Format: int64
             * @description Streams that it sends or has sent.
             */
            totalStreamsCreated: number;
            /**
             * Format: int64
             * @description Streams that it receives or has received.
             */
            totalStreamsReceived: number;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: {
        /** @description Who may cache the answer. */
        "Cache-Control": string;
        /** @description Identifies this state of the answer; send it back in `If-None-Match`. */
        ETag: string;
        /** @description The next page, as a query of the same address with `rel="next"`, if there is more. */
        Link: string;
        /** @description What is left of the budget of the client's address, and for how many seconds; absent if there is no limit. */
        RateLimit: string;
        /** @description The budget: how many requests (`q`) in how many seconds (`w`). */
        "RateLimit-Policy": string;
        /** @description In how many seconds to try again. */
        "Retry-After": string;
        /** @description What is wrong with the token (RFC 6750). */
        "WWW-Authenticate": string;
    };
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    getStellarToml: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Where wallets sign in, and the service's signing key (SEP-1). */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getHealth: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Whether the index can be relied on, and if not, why. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getLiveness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The process is running. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain": string;
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getReadiness: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The index can be relied on. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description It cannot; `reasons` says why. */
            503: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Health"];
                };
            };
        };
    };
    getMetrics: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Metrics in the Prometheus text format. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "text/plain; version=0.0.4": string;
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listConnections: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The oldest thousand open event streams of this gateway. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["OpenConnections"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getIndexer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What operators want, and what the indexer is doing. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["IndexerControl"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    pauseIndexer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What operators want now. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DesiredState"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    resumeIndexer: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What operators want now. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["DesiredState"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listQuarantine: {
        parameters: {
            query?: {
                /** @description The contract; needed where several are followed. */
                contract?: components["schemas"]["ContractId"];
                /**
                 * @description The maximum number of items.
                 * @example 50
                 */
                limit?: number;
                /** @description The `nextCursor` of the previous page. */
                cursor?: components["schemas"]["EventId"];
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Quarantined events, in chain order. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["QuarantineList"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    replayQuarantine: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The outcome. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Replayed"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not now; `detail` says what to wait for. */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    revokeTokens: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Revocation"];
            };
        };
        responses: {
            /** @description The tokens are revoked. */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listApiKeys: {
        parameters: {
            query?: {
                /** @description The subject whose keys to list. Default: the caller. Any other needs the scope `admin`. */
                sub?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The keys, without their secrets. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyList"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    createApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ApiKeyWanted"];
            };
        };
        responses: {
            /** @description The key and its secret. */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyWithSecret"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The key's public name. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The key is deleted. */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    rotateApiKey: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The key's public name. */
                id: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["Rotation"];
            };
        };
        responses: {
            /** @description The key and its new secret. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiKeyWithSecret"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Not now; `detail` says what to wait for. */
            409: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getChallenge: {
        parameters: {
            query: {
                /** @description The account to sign in with: `G…` or `M…`. */
                account: components["schemas"]["Address"];
                /** @description A memo that tells users of one account apart, a u64. Cannot be combined with `M…`. */
                memo?: string;
                /** @description The domain to sign in to. Default: the service's own. */
                home_domain?: string;
                /** @description The wallet's own domain. */
                client_domain?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A challenge to sign. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Challenge"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SignInProblem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SignInProblem"];
                };
            };
        };
    };
    signIn: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SignedChallenge"];
                "application/x-www-form-urlencoded": components["schemas"]["SignedChallenge"];
            };
        };
        responses: {
            /** @description A token. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Token"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SignInProblem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SignInProblem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SignInProblem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SignInProblem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SignInProblem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["SignInProblem"];
                };
            };
        };
    };
    listEvents: {
        parameters: {
            query?: {
                /** @description Only events of streams that this address sends or receives. */
                address?: components["schemas"]["Address"];
                /** @description Only events of this token. Needs `address`. */
                token?: components["schemas"]["Address"];
                /** @description Only events of this contract. */
                contract?: components["schemas"]["ContractId"];
                /** @description Only events of these types. Repeat it, or separate several by commas. */
                type?: components["schemas"]["EventType"][];
                /** @description Only events from this ledger on. */
                fromLedger?: components["schemas"]["LedgerSequence"];
                /** @description Only events up to this ledger. */
                toLedger?: components["schemas"]["LedgerSequence"];
                /** @description The maximum number of items on the page: up to 200 as JSON, up to 5000 as CSV. */
                limit?: number;
                /** @description How many items to skip. Default: none. Use the cursor to go beyond 10000. */
                offset?: number;
                /** @description The `nextCursor` of the previous page, unchanged. Cannot be combined with `offset`. */
                cursor?: string;
                /** @description Newest first (`desc`) or oldest first (`asc`). */
                order?: "asc" | "desc";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of events: CSV if the client prefers `text/csv`, otherwise JSON. */
            200: {
                headers: {
                    Link: components["headers"]["Link"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventList"];
                    /** @example id,type,eventType,streamId,contractId,sender,recipient,tokenAddress,amount,ledgerSequence,createdAt,timestamp,transactionHash,metadata */
                    "text/csv": string;
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getEventStats: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The feed's statistics. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["FeedStats"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    subscribeToEvents: {
        parameters: {
            query?: {
                /** @description Events of these streams, by number or as `C…:7`. Repeat it, or separate several by commas. */
                streams?: string[];
                /** @description Events of streams that these addresses send or receive. Repeat it, or separate several by commas. */
                users?: components["schemas"]["Address"][];
                /** @description Events of the streams and users that the caller saved under this name. */
                feed?: string;
                /** @description Every event that the caller may see. */
                all?: boolean;
                /** @description Of the above, only events of this contract. */
                contract?: components["schemas"]["ContractId"];
                /** @description Of the above, only these types. Repeat it, or separate several by commas. */
                types?: components["schemas"]["EventType"][];
                /** @description Where to resume, for a first connection. The header takes precedence. */
                lastEventId?: components["schemas"]["ResumeId"];
                /** @description A ticket, for clients that cannot send headers. It is bound to the filter that it was issued for. */
                ticket?: string;
                /** @description A token, only if the operator allows tokens in URLs. */
                token?: string;
                /** @description Whether to answer 404 if the caller may not see one of the streams. Default: false. */
                strict?: boolean;
            };
            header?: {
                /** @description The last `id:` that the client received, unchanged: it is told what was revised since, and sent what follows. Browsers send it automatically. */
                "Last-Event-ID"?: components["schemas"]["ResumeId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Server-sent events, until the client leaves. Each frame with data is a `SubscriptionFrame`; comments are heartbeats; an `id:` without data is a position to resume from. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client accepts no format that this route offers. */
            406: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    subscribeToPostedFilter: {
        parameters: {
            query?: {
                /** @description Events of these streams, by number or as `C…:7`. Repeat it, or separate several by commas. */
                streams?: string[];
                /** @description Events of streams that these addresses send or receive. Repeat it, or separate several by commas. */
                users?: components["schemas"]["Address"][];
                /** @description Events of the streams and users that the caller saved under this name. */
                feed?: string;
                /** @description Every event that the caller may see. */
                all?: boolean;
                /** @description Of the above, only events of this contract. */
                contract?: components["schemas"]["ContractId"];
                /** @description Of the above, only these types. Repeat it, or separate several by commas. */
                types?: components["schemas"]["EventType"][];
                /** @description Where to resume, for a first connection. The header takes precedence. */
                lastEventId?: components["schemas"]["ResumeId"];
                /** @description A ticket, for clients that cannot send headers. It is bound to the filter that it was issued for. */
                ticket?: string;
                /** @description A token, only if the operator allows tokens in URLs. */
                token?: string;
                /** @description Whether to answer 404 if the caller may not see one of the streams. Default: false. */
                strict?: boolean;
            };
            header?: {
                /** @description The last `id:` that the client received, unchanged: it is told what was revised since, and sent what follows. Browsers send it automatically. */
                "Last-Event-ID"?: components["schemas"]["ResumeId"];
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SubscriptionRequest"];
            };
        };
        responses: {
            /** @description The same event stream as for `GET`. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "text/event-stream": string;
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The client accepts no format that this route offers. */
            406: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    issueTicket: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["TicketRequest"];
            };
        };
        responses: {
            /** @description A ticket. */
            201: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Ticket"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listFeeds: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The saved filters. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SavedFilterList"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getFeed: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description What the caller calls the saved filter. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The saved filter. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SavedFilter"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    saveFeed: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description What the caller calls the saved filter. */
                name: string;
            };
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["SavedFilterRequest"];
            };
        };
        responses: {
            /** @description It took the place of the earlier one. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SavedFilterSummary"];
                };
            };
            /** @description There was none of that name. */
            201: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["SavedFilterSummary"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body did not arrive in time. */
            408: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body is too large. */
            413: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The body's media type is not one that this route accepts. */
            415: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    deleteFeed: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description What the caller calls the saved filter. */
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The saved filter is deleted. */
            204: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The token does not allow this. */
            403: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getStatus: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description How far the index is. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Status"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listStreams: {
        parameters: {
            query?: {
                /** @description Only streams of this contract. */
                contract?: components["schemas"]["ContractId"];
                /** @description Only streams of this sender. */
                sender?: components["schemas"]["Address"];
                /** @description Only streams of this recipient. */
                recipient?: components["schemas"]["Address"];
                /** @description Only streams that this address sends or receives. */
                user?: components["schemas"]["Address"];
                /** @description Only streams of this token. */
                token?: components["schemas"]["Address"];
                /** @description Only streams in this state as of the close of the last whole ledger. */
                status?: components["schemas"]["StreamStatus"];
                /** @description Only streams that end before this time. */
                endsBefore?: number;
                /** @description What to sort by. */
                sort?: "createdAt" | "startTime" | "lastUpdateTime" | "depositedAmount" | "endTime";
                /** @description The maximum number of items on the page. */
                limit?: number;
                /** @description How many items to skip. Default: none. Use the cursor to go beyond 10000. */
                offset?: number;
                /** @description The `nextCursor` of the previous page, unchanged. Cannot be combined with `offset`. */
                cursor?: string;
                /** @description The order of `sort`: largest first (`desc`) or smallest first (`asc`). */
                order?: "asc" | "desc";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of streams. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StreamList"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getStream: {
        parameters: {
            query?: {
                /** @description Where to read: the index, or the contract's own record on chain, fetched on demand. */
                source?: "index" | "chain";
            };
            header?: {
                /** @description The `ETag` of an answer that the client already has. If it is still current, the answer is 304. */
                "If-None-Match"?: string;
            };
            path: {
                /** @description The stream: its number, or contract and number as `C…:7`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The stream, or with `source=chain` the contract's own record, which has no `ETag`. */
            200: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    ETag: components["headers"]["ETag"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StreamWithEvents"] | components["schemas"]["ChainStream"];
                };
            };
            /** @description The client already has the current state. */
            304: {
                headers: {
                    "Cache-Control": components["headers"]["Cache-Control"];
                    ETag: components["headers"]["ETag"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The operator has not enabled this. */
            501: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getClaimable: {
        parameters: {
            query?: {
                /** @description The time to compute it for. Default: the close of the last whole ledger. */
                at?: number;
            };
            header?: never;
            path: {
                /** @description The stream: its number, or contract and number as `C…:7`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the recipient can claim. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Claimable"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listCorrections: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                /** @description The stream: its number, or contract and number as `C…:7`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The corrections of the stream. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["StreamCorrections"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description There is no such thing, or the caller may not see it. */
            404: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    listStreamEvents: {
        parameters: {
            query?: {
                /** @description Only events of these types. Repeat it, or separate several by commas. */
                type?: components["schemas"]["EventType"][];
                /** @description Only events from this ledger on. */
                fromLedger?: components["schemas"]["LedgerSequence"];
                /** @description Only events up to this ledger. */
                toLedger?: components["schemas"]["LedgerSequence"];
                /** @description The maximum number of items on the page: up to 200 as JSON, up to 5000 as CSV. */
                limit?: number;
                /** @description How many items to skip. Default: none. Use the cursor to go beyond 10000. */
                offset?: number;
                /** @description The `nextCursor` of the previous page, unchanged. Cannot be combined with `offset`. */
                cursor?: string;
                /** @description Newest first (`desc`) or oldest first (`asc`). */
                order?: "asc" | "desc";
            };
            header?: never;
            path: {
                /** @description The stream: its number, or contract and number as `C…:7`. */
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description A page of events: CSV if the client prefers `text/csv`, otherwise JSON. */
            200: {
                headers: {
                    Link: components["headers"]["Link"];
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EventList"];
                    /** @example id,type,eventType,streamId,contractId,sender,recipient,tokenAddress,amount,ledgerSequence,createdAt,timestamp,transactionHash,metadata */
                    "text/csv": string;
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
    getUserSummary: {
        parameters: {
            query?: {
                /** @description Only streams of this contract. */
                contract?: components["schemas"]["ContractId"];
            };
            header?: never;
            path: {
                /**
                 * @description The user.
                 * @example GAIH3ULLFQ4DGSECF2AR555KZ4KNDGEKN4AFI4SU2M7B43MGK3QJZNSR
                 */
                address: components["schemas"]["Address"];
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the user pays and is paid. */
            200: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["UserSummary"];
                };
            };
            /** @description A parameter or the body breaks a rule; `parameter` names which. */
            400: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description No token, or one that is not accepted. */
            401: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "WWW-Authenticate": components["headers"]["WWW-Authenticate"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The URL is too long. */
            414: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Too many requests; `Retry-After` says when to come back. */
            429: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description The request failed on our side. */
            500: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
            /** @description Something that the service needs is unavailable; `Retry-After` says when to try again. */
            503: {
                headers: {
                    RateLimit: components["headers"]["RateLimit"];
                    "RateLimit-Policy": components["headers"]["RateLimit-Policy"];
                    "Retry-After": components["headers"]["Retry-After"];
                    [name: string]: unknown;
                };
                content: {
                    "application/problem+json": components["schemas"]["Problem"];
                };
            };
        };
    };
}
