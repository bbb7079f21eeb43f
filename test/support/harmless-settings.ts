/**
 * The settings of PostgreSQL that a person has looked at and that do nothing in a restored copy to anybody but the copy
 * itself, by the reason. A setting of a new version belongs here or into `acting-settings.ts`.
 */
export const harmlessSettings: readonly { readonly because: string; readonly names: string }[] = [
  {
    because:
      'They name files: `own-configuration.ts` changes them in `postgresql.conf`; `config_file` is for the command line.',
    names: `
      config_file data_directory hba_file ident_file
    `,
  },
  {
    because: 'They do nothing while `archive_mode` is off, and what was asked for when it is not.',
    names: `
      archive_command archive_library archive_timeout
    `,
  },
  {
    because: 'They matter to a standby that streams, which is asked for with --primary-conninfo.',
    names: `
      hot_standby_feedback wal_receiver_create_temp_slot wal_receiver_status_interval wal_receiver_timeout
      wal_retrieve_retry_interval
    `,
  },
  {
    because: 'Queries of a person who reads the copy may hold up replay for so long; nobody else reads it.',
    names: `
      max_standby_archive_delay max_standby_streaming_delay old_snapshot_threshold vacuum_defer_cleanup_age
    `,
  },
  {
    because:
      'Addresses: a port or socket in use is refused by the system, and the person who starts the copy chooses them.',
    names: `
      bonjour_name listen_addresses port unix_socket_directories unix_socket_group unix_socket_permissions
    `,
  },
  {
    because: 'Slots are not in a backup, and no worker of a subscription runs.',
    names: `
      idle_replication_slot_timeout max_active_replication_origins max_parallel_apply_workers_per_subscription
      max_replication_slots max_slot_wal_keep_size max_sync_workers_per_subscription output_plugin_libraries
      wal_keep_size wal_sender_timeout
    `,
  },
  {
    because: 'The system log keeps the lines of all servers apart by their process ids.',
    names: `
      event_source log_destination syslog_facility syslog_ident syslog_sequence_numbers syslog_split_messages
    `,
  },
  {
    because:
      'A file or library that this host lacks is an error at the start or when it is used; `obstacles.ts` names the former.',
    names: `
      default_tablespace dynamic_library_path extension_control_path jit_provider krb_server_keyfile
      local_preload_libraries oauth_validator_libraries session_preload_libraries ssl_ca_file ssl_cert_file
      ssl_crl_dir ssl_crl_file ssl_dh_params_file ssl_key_file ssl_passphrase_command
      ssl_passphrase_command_supports_reload temp_tablespaces
    `,
  },
  {
    because: "Work on the copy's own data: vacuum, checkpoints, WAL of its own, memory, I/O.",
    names: `
      autovacuum autovacuum_analyze_scale_factor autovacuum_analyze_threshold autovacuum_freeze_max_age
      autovacuum_max_workers autovacuum_multixact_freeze_max_age autovacuum_naptime
      autovacuum_vacuum_cost_delay autovacuum_vacuum_cost_limit autovacuum_vacuum_insert_scale_factor
      autovacuum_vacuum_insert_threshold autovacuum_vacuum_max_threshold autovacuum_vacuum_scale_factor
      autovacuum_vacuum_threshold autovacuum_work_mem autovacuum_worker_slots backend_flush_after
      bgwriter_delay bgwriter_flush_after bgwriter_lru_maxpages bgwriter_lru_multiplier
      checkpoint_completion_target checkpoint_flush_after checkpoint_timeout checkpoint_warning commit_delay
      commit_siblings commit_timestamp_buffers dynamic_shared_memory_type effective_io_concurrency
      file_copy_method file_extend_method fsync full_page_writes hash_mem_multiplier huge_page_size
      io_combine_limit io_max_combine_limit io_max_concurrency io_method io_workers logical_decoding_work_mem
      maintenance_io_concurrency maintenance_work_mem max_files_per_process max_notify_queue_pages
      max_parallel_maintenance_workers max_parallel_workers max_parallel_workers_per_gather max_stack_depth
      max_wal_size min_dynamic_shared_memory min_wal_size multixact_member_buffers multixact_offset_buffers
      notify_buffers parallel_leader_participation recovery_prefetch serializable_buffers shared_buffers
      shared_memory_type subtransaction_buffers summarize_wal synchronous_commit temp_buffers temp_file_limit
      track_commit_timestamp transaction_buffers vacuum_buffer_usage_limit vacuum_cleanup_index_scale_factor vacuum_cost_delay vacuum_cost_limit
      vacuum_cost_page_dirty vacuum_cost_page_hit vacuum_cost_page_miss vacuum_failsafe_age
      vacuum_freeze_min_age vacuum_freeze_table_age vacuum_max_eager_freeze_failure_rate
      vacuum_multixact_failsafe_age vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age
      vacuum_truncate wal_buffers wal_compression wal_decode_buffer_size wal_init_zero wal_level wal_log_hints
      wal_recycle wal_skip_threshold wal_summary_keep_time wal_sync_method wal_writer_delay
      wal_writer_flush_after work_mem
    `,
  },
  {
    because: 'Names, formats and behaviour of sessions.',
    names: `
      DateStyle IntervalStyle TimeZone allow_alter_system array_nulls backslash_quote bytea_output
      check_function_bodies client_encoding client_min_messages cluster_name composite_type_mismatch
      compute_query_id
      createrole_self_grant deadlock_timeout default_table_access_method default_text_search_config
      default_toast_compression default_transaction_deferrable default_transaction_isolation
      default_transaction_read_only escape_string_warning event_triggers extra_float_digits
      gin_fuzzy_search_limit gin_pending_list_limit icu_validation_level idle_in_transaction_session_timeout
      idle_session_timeout lc_messages lc_monetary lc_numeric lc_time lo_compat_privileges lock_timeout
      log_executor_stats log_parser_stats log_planner_stats log_statement_stats max_pred_locks_per_page
      max_pred_locks_per_relation max_pred_locks_per_transaction quote_all_identifiers
      restrict_nonsystem_relation_kind row_security search_path session_replication_role
      standard_conforming_strings statement_timeout stats_fetch_consistency synchronize_seqscans
      timezone_abbreviations track_activities track_activity_query_size track_cost_delay_timing track_counts
      track_functions track_io_timing track_wal_io_timing transaction_deferrable transaction_isolation
      transaction_read_only transaction_timeout transform_null_equals update_process_title vacuum_failsafe_age
      vacuum_freeze_min_age vacuum_freeze_table_age vacuum_multixact_failsafe_age
      vacuum_multixact_freeze_min_age vacuum_multixact_freeze_table_age xmlbinary xmloption
    `,
  },
  {
    because: 'Authentication and connections of clients that come to the copy.',
    names: `
      authentication_timeout client_connection_check_interval db_user_namespace gss_accept_delegation
      krb_caseins_users md5_password_warnings password_encryption reserved_connections scram_iterations ssl
      ssl_ciphers ssl_ecdh_curve ssl_groups ssl_max_protocol_version ssl_min_protocol_version
      ssl_prefer_server_ciphers ssl_tls13_ciphers superuser_reserved_connections tcp_keepalives_count
      tcp_keepalives_idle tcp_keepalives_interval tcp_user_timeout
    `,
  },
  {
    because: 'Errors, and aids for developers.',
    names: `
      allow_in_place_tablespaces allow_system_table_mods backtrace_functions data_sync_retry
      debug_discard_caches debug_io_direct debug_logical_replication_streaming debug_parallel_query
      exit_on_error force_parallel_mode ignore_checksum_failure ignore_invalid_pages ignore_system_indexes
      jit_debugging_support jit_dump_bitcode jit_expressions jit_profiling_support jit_tuple_deforming operator_precedence_warning
      post_auth_delay pre_auth_delay recovery_init_sync_method remove_temp_files_after_crash
      restart_after_crash send_abort_for_crash send_abort_for_kill trace_connection_negotiation trace_notify
      trace_recovery_messages trace_sort wal_consistency_checking zero_damaged_pages
    `,
  },
  {
    because: 'The planner.',
    names: `
      constraint_exclusion cpu_index_tuple_cost cpu_operator_cost cpu_tuple_cost cursor_tuple_fraction
      default_statistics_target effective_cache_size enable_async_append enable_bitmapscan
      enable_distinct_reordering enable_gathermerge enable_group_by_reordering enable_hashagg enable_hashjoin
      enable_incremental_sort enable_indexonlyscan enable_indexscan enable_material enable_memoize
      enable_mergejoin enable_nestloop enable_parallel_append enable_parallel_hash enable_partition_pruning
      enable_partitionwise_aggregate enable_partitionwise_join enable_presorted_aggregate
      enable_self_join_elimination enable_seqscan enable_sort enable_tidscan from_collapse_limit geqo
      geqo_effort geqo_generations geqo_pool_size geqo_seed geqo_selection_bias geqo_threshold jit
      jit_above_cost jit_inline_above_cost jit_optimize_above_cost join_collapse_limit
      min_parallel_index_scan_size min_parallel_table_scan_size parallel_setup_cost parallel_tuple_cost
      plan_cache_mode random_page_cost recursive_worktable_factor seq_page_cost
    `,
  },
  {
    because: "Lines in the copy's own log.",
    names: `
      application_name debug_pretty_print debug_print_parse debug_print_plan debug_print_rewritten
      log_autovacuum_min_duration log_checkpoints log_connections log_disconnections log_duration
      log_error_verbosity log_file_mode log_filename log_hostname log_line_prefix log_lock_failures
      log_lock_waits log_min_duration_sample log_min_duration_statement log_min_error_statement
      log_min_messages log_parameter_max_length log_parameter_max_length_on_error log_recovery_conflict_waits
      log_replication_commands log_rotation_age log_rotation_size log_startup_progress_interval log_statement
      log_statement_sample_rate log_temp_files log_timezone log_transaction_sample_rate
      log_truncate_on_rotation logging_collector
    `,
  },
];

export const harmlessNames: ReadonlySet<string> = new Set(
  harmlessSettings.flatMap(({ names }) => names.trim().split(/\s+/)),
);
