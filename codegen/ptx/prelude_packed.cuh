
// ---- Packed sequences: tiles whose rows are a sequence's own, between two bounds in the middle of a tensor.
// A tile that lies between them goes in one box a panel of columns, any other in boxes of SOME rows, eight or one. A row's swizzle
// depends on its address alone, so that boxes may begin anywhere.
struct RowMaps { const TensorMap *at; int all, some, eight, one; };
template <int ROWS, int SOME> DEVICE int box_rows(int left) { return left >= ROWS ? ROWS : left >= SOME ? SOME : left >= 8 ? 8 : 1; }
template <int ROWS, int SOME> DEVICE const TensorMap *box_map(const RowMaps &maps, int rows) {
    return maps.at + (rows == ROWS ? maps.all : rows == SOME ? maps.some : rows == 8 ? maps.eight : maps.one);
}

// To a slot, from row `start` on of coordinate c1: zeros, which boxes before the tensor give, for rows that are not between the
// bounds, whatever other sequences have there. A panel of the slot has PANEL_ROWS rows.
template <int ROWS, int PANELS, int WIDTH, int SOME, int PANEL_ROWS = ROWS>
DEVICE void copy_between(u32 slot, const RowMaps &maps, u32 full, int column, int c2, int start, int lo, int hi, int c0) {
    const int first = min(max(lo - start, 0), ROWS), end = min(max(hi - start, first), ROWS);
    UNROLL1 for (int r = 0, rows; r < ROWS; r += rows) {
        const bool there = r >= first && r < end;
        rows = box_rows<ROWS, SOME>((there ? end : r < first ? first : ROWS) - r);
        const TensorMap *const map = box_map<ROWS, SOME>(maps, rows);
        UNROLL for (int p = 0; p < PANELS; p++) copy_box(slot + (p * PANEL_ROWS + r) * 128, map, full, column + p * WIDTH, c2, there ? start + r : -ROWS, c0);
    }
}
// The other way: no row but those between the bounds is written.
template <int ROWS, int PANELS, int WIDTH, int SOME, int PANEL_ROWS = ROWS>
DEVICE void store_between(u32 slot, const RowMaps &maps, int column, int c2, int start, int lo, int hi, int c0) {
    const int end = min(hi - start, ROWS);
    UNROLL1 for (int r = max(lo - start, 0), rows; r < end; r += rows) {
        rows = box_rows<ROWS, SOME>(end - r);
        const TensorMap *const map = box_map<ROWS, SOME>(maps, rows);
        UNROLL for (int p = 0; p < PANELS; p++) store_box(slot + (p * PANEL_ROWS + r) * 128, map, column + p * WIDTH, c2, start + r, c0);
    }
}
