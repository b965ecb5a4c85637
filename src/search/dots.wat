;; Dot products of many vectors with one, in single precision.
;;
;; Vectors are rows of `stride` bytes, a multiple of 64, filled up with zeros; so is the query. Four sums of
;; four lanes each are kept apart, so that no addition waits for the one before.
(module
  (import "search" "memory" (memory 1))
  (func (export "dots")
    (param $row i32) (param $stride i32) (param $count i32) (param $query i32) (param $into i32)
    (local $at i32) (local $from i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (block $done
      (loop $rows
        (br_if $done (i32.eqz (local.get $count)))
        (local.set $a (v128.const i32x4 0 0 0 0))
        (local.set $b (v128.const i32x4 0 0 0 0))
        (local.set $c (v128.const i32x4 0 0 0 0))
        (local.set $d (v128.const i32x4 0 0 0 0))
        (local.set $at (i32.const 0))
        (loop $lanes
          (local.set $from (i32.add (local.get $row) (local.get $at)))
          (local.set $a (f32x4.add (local.get $a) (f32x4.mul
            (v128.load (local.get $from))
            (v128.load (i32.add (local.get $query) (local.get $at))))))
          (local.set $b (f32x4.add (local.get $b) (f32x4.mul
            (v128.load offset=16 (local.get $from))
            (v128.load offset=16 (i32.add (local.get $query) (local.get $at))))))
          (local.set $c (f32x4.add (local.get $c) (f32x4.mul
            (v128.load offset=32 (local.get $from))
            (v128.load offset=32 (i32.add (local.get $query) (local.get $at))))))
          (local.set $d (f32x4.add (local.get $d) (f32x4.mul
            (v128.load offset=48 (local.get $from))
            (v128.load offset=48 (i32.add (local.get $query) (local.get $at))))))
          (local.set $at (i32.add (local.get $at) (i32.const 64)))
          (br_if $lanes (i32.lt_u (local.get $at) (local.get $stride))))
        (local.set $a (f32x4.add
          (f32x4.add (local.get $a) (local.get $b))
          (f32x4.add (local.get $c) (local.get $d))))
        (f32.store (local.get $into) (f32.add
          (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
          (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
        (local.set $into (i32.add (local.get $into) (i32.const 4)))
        (local.set $row (i32.add (local.get $row) (local.get $stride)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $rows)))))
