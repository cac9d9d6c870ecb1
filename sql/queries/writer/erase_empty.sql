-- Rollups of nothing, as if there had never been any. $1 project.
with counts as (
    delete from traction.rollup_count where project_id = $1 and n = 0
),
sketches as (
    delete from traction.rollup_sketch where project_id = $1 and n = 0
),
times as (
    delete from traction.session_time where project_id = $1 and sessions = 0
),
subscriptions as (
    delete from traction.subscription_day where project_id = $1 and n = 0
),
matrix as (
    delete from traction.day_matrix as m using traction.member_set as s
    where s.project_id = $1 and m.set_id = s.id and m.members = 0
)
delete from traction.day_cohort as c using traction.member_set as s
where s.project_id = $1 and c.set_id = s.id and c.members = 0
