/* Products of block-sparse matrices with several vectors at once.

   A vector of K columns is stored row by row: x[row * K + column]. Block sizes and K are constants to the compiler in every
   branch of a switch, so that the inner loops unroll and vectorise. */

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

/* One row of blocks with one column: every row of a block times the column, W numbers at once of which C count. What is read
   beyond a block belongs to the next one; the last block and the last column, at `safe` and `edge`, are multiplied one by one. */
#define LANES(C, W) typedef double lanes_##C __attribute__((vector_size(W * sizeof(double)), aligned(sizeof(double)), may_alias));
LANES(3, 4)
LANES(6, 8)
#define ROW_ALONE(T, C, W) \
    typedef T numbers_##T##_##C __attribute__((vector_size(W * sizeof(T)), aligned(sizeof(T)), may_alias)); \
    INLINE void row_##T##_##C(const int R, const int32_t begin, const int32_t end, const int32_t safe, const int32_t edge, \
                              const int32_t *restrict indices, const T *restrict data, const double *restrict x, \
                              double *restrict out) \
    { \
        lanes_##C sums[6] = {0}; \
        for (int32_t j = begin; j < end; ++j) { \
            const T *restrict block = data + (int64_t)j * R * C; \
            const double *restrict column = x + (int64_t)indices[j] * C; \
            if (j < safe && indices[j] < edge) { \
                const lanes_##C factor = *(const lanes_##C *)column; \
                for (int r = 0; r < R; ++r) \
                    sums[r] += __builtin_convertvector(*(const numbers_##T##_##C *)(block + r * C), lanes_##C) * factor; \
            } else \
                for (int r = 0; r < R; ++r) \
                    for (int c = 0; c < C; ++c) \
                        out[r] -= block[r * C + c] * column[c]; \
        } \
        for (int r = 0; r < R; ++r) \
            for (int c = 0; c < C; ++c) \
                out[r] -= sums[r][c]; \
    }

/* The same for K columns: a number of every column is one vector of the processor. */
#define MANY(K) typedef double many_##K __attribute__((vector_size(K * sizeof(double)), aligned(sizeof(double)), may_alias));
MANY(2)
MANY(4)
MANY(8)
#define ROW_TOGETHER(T, K) \
    INLINE void row_many_##T##_##K(const int R, const int C, const int32_t begin, const int32_t end, \
                                   const int32_t *restrict indices, const T *restrict data, const double *restrict x, \
                                   double *restrict out) \
    { \
        many_##K sums[6] = {0}; \
        for (int32_t j = begin; j < end; ++j) { \
            const T *restrict block = data + (int64_t)j * R * C; \
            const many_##K *restrict at = (const many_##K *)(x + (int64_t)indices[j] * C * K); \
            for (int c = 0; c < C; ++c) \
                for (int r = 0; r < R; ++r) \
                    sums[r] += (double)block[r * C + c] * at[c]; \
        } \
        for (int r = 0; r < R; ++r) \
            ((many_##K *)out)[r] -= sums[r]; \
    }

/* One row of blocks: out[R * K] -= A x. */
#define ROW(T) \
    INLINE void row_##T(const int R, const int C, const int K, const int32_t begin, const int32_t end, const int32_t safe, \
                        const int32_t edge, const int32_t *restrict indices, const T *restrict data, \
                        const double *restrict x, double *restrict out) \
    { \
        if (K == 1 && C == 3) \
            row_##T##_3(R, begin, end, safe, edge, indices, data, x, out); \
        else if (K == 1) \
            row_##T##_6(R, begin, end, safe, edge, indices, data, x, out); \
        else if (K == 2) \
            row_many_##T##_2(R, C, begin, end, indices, data, x, out); \
        else if (K == 4) \
            row_many_##T##_4(R, C, begin, end, indices, data, x, out); \
        else \
            row_many_##T##_8(R, C, begin, end, indices, data, x, out); \
    }

/* sign = 1: y = A x; sign = -1 with b: y = b - A x; add: y += A x. */
#define PRODUCT(T) \
    INLINE void product_##T##_sized(const int R, const int C, const int K, const int32_t rows, const int32_t edge, \
                                    const int32_t *restrict indptr, const int32_t *restrict indices, \
                                    const T *restrict data, const double *restrict x, const double *restrict b, \
                                    double *restrict y, \
                                    const int add) \
    { \
        const int32_t safe = indptr[rows] - 1; \
        for (int32_t i = 0; i < rows; ++i) { \
            double out[R * K]; \
            double *restrict to = y + (int64_t)i * R * K; \
            for (int n = 0; n < R * K; ++n) \
                out[n] = b ? b[(int64_t)i * R * K + n] : 0.0; \
            row_##T(R, C, K, indptr[i], indptr[i + 1], safe, edge, indices, data, x, out); \
            for (int n = 0; n < R * K; ++n) \
                to[n] = b ? out[n] : add ? to[n] - out[n] : -out[n]; \
        } \
    } \
    int product_##T(const int R, const int C, const int K, const int32_t rows, const int32_t edge, const int32_t *indptr, \
                    const int32_t *indices, const T *data, const double *x, const double *b, double *y, const int add) \
    { \
        switch (R * 10000 + C * 100 + K) { \
            EACH_SHAPE(PRODUCT_CASE, T) \
        default: \
            return 1; \
        } \
    }
#define PRODUCT_CASE(T, R, C, K) \
    case R * 10000 + C * 100 + K: \
        product_##T##_sized(R, C, K, rows, edge, indptr, indices, data, x, b, y, add); \
        return 0;

/* y += A^T x. */
#define ADD_TOGETHER(T, K) \
    INLINE void add_many_##T##_##K(const int R, const int C, const T *restrict block, const double *restrict from, \
                                     double *restrict to) \
    { \
        const many_##K *restrict held = (const many_##K *)from; \
        many_##K *restrict sums = (many_##K *)to; \
        for (int c = 0; c < C; ++c) { \
            many_##K sum = sums[c]; \
            for (int r = 0; r < R; ++r) \
                sum += (double)block[r * C + c] * held[r]; \
            sums[c] = sum; \
        } \
    }
#define TRANSPOSED(T) \
    INLINE void transposed_##T##_sized(const int R, const int C, const int K, const int32_t rows, \
                                       const int32_t *restrict indptr, const int32_t *restrict indices, \
                                       const T *restrict data, const double *restrict x, double *restrict y) \
    { \
        for (int32_t i = 0; i < rows; ++i) { \
            const double *restrict from = x + (int64_t)i * R * K; \
            for (int32_t j = indptr[i]; j < indptr[i + 1]; ++j) { \
                const T *restrict block = data + (int64_t)j * R * C; \
                double *restrict to = y + (int64_t)indices[j] * C * K; \
                if (K == 1) \
                    for (int r = 0; r < R; ++r) \
                        for (int c = 0; c < C; ++c) \
                            to[c] += block[r * C + c] * from[r]; \
                else if (K == 2) \
                    add_many_##T##_2(R, C, block, from, to); \
                else if (K == 4) \
                    add_many_##T##_4(R, C, block, from, to); \
                else \
                    add_many_##T##_8(R, C, block, from, to); \
            } \
        } \
    } \
    int transposed_##T(const int R, const int C, const int K, const int32_t rows, const int32_t *indptr, const int32_t *indices, \
                       const T *data, const double *x, double *y) \
    { \
        switch (R * 10000 + C * 100 + K) { \
            EACH_SHAPE(TRANSPOSED_CASE, T) \
        default: \
            return 1; \
        } \
    }
#define TRANSPOSED_CASE(T, R, C, K) \
    case R * 10000 + C * 100 + K: \
        transposed_##T##_sized(R, C, K, rows, indptr, indices, data, x, y); \
        return 0;

#define EACH_WIDTH(M, ...) M(__VA_ARGS__, 1) M(__VA_ARGS__, 2) M(__VA_ARGS__, 4) M(__VA_ARGS__, 8)
#define EACH_SHAPE(M, T) EACH_WIDTH(M, T, 3, 3) EACH_WIDTH(M, T, 6, 6) EACH_WIDTH(M, T, 3, 6)

ROW_ALONE(float, 3, 4)
ROW_ALONE(float, 6, 8)
ROW_ALONE(double, 3, 4)
ROW_ALONE(double, 6, 8)
#define EACH_TOGETHER(T) ROW_TOGETHER(T, 2) ROW_TOGETHER(T, 4) ROW_TOGETHER(T, 8)
EACH_TOGETHER(float)
EACH_TOGETHER(double)
ROW(float)
ROW(double)
PRODUCT(float)
PRODUCT(double)
ADD_TOGETHER(float, 2)
ADD_TOGETHER(float, 4)
ADD_TOGETHER(float, 8)
TRANSPOSED(float)

/* Blocks of every row in the order of their columns. */
void sort_rows(const int size, const int32_t rows, const int32_t *restrict indptr, int32_t *restrict indices, double *restrict data)
{
    for (int32_t i = 0; i < rows; ++i)
        for (int32_t j = indptr[i] + 1; j < indptr[i + 1]; ++j) {
            const int32_t column = indices[j];
            int32_t to = j;
            while (to > indptr[i] && indices[to - 1] > column)
                --to;
            if (to == j)
                continue;
            double block[size];
            memcpy(block, data + (int64_t)j * size, size * sizeof(double));
            memmove(data + (int64_t)(to + 1) * size, data + (int64_t)to * size, (int64_t)(j - to) * size * sizeof(double));
            memmove(indices + to + 1, indices + to, (j - to) * sizeof(int32_t));
            memcpy(data + (int64_t)to * size, block, size * sizeof(double));
            indices[to] = column;
        }
}

/* Blocks of R x C from rows of single numbers whose columns stand in whole blocks, in the same order in all R rows of a block.
   Not zero: they do not. */
int gather_blocks(const int R, const int C, const int32_t rows, const int32_t *restrict indptr, const int32_t *restrict columns,
                  const double *restrict values, int32_t *restrict starts, int32_t *restrict indices, double *restrict data)
{
    int32_t end = 0;
    for (int32_t i = 0; i < rows; ++i) {
        const int32_t begin = indptr[i * R], length = indptr[i * R + 1] - begin;
        starts[i] = end;
        if (length % C)
            return 1;
        for (int r = 1; r < R; ++r)
            if (indptr[i * R + r + 1] - indptr[i * R + r] != length)
                return 1;
        for (int32_t n = 0; n < length; n += C) {
            const int32_t column = columns[begin + n];
            if (column % C)
                return 1;
            for (int r = 0; r < R; ++r)
                for (int c = 0; c < C; ++c) {
                    const int64_t from = (int64_t)begin + (int64_t)r * length + n + c;
                    if (columns[from] != column + c)
                        return 1;
                    data[(int64_t)end * R * C + r * C + c] = values[from];
                }
            indices[end++] = column / C;
        }
    }
    starts[rows] = end;
    return 0;
}

/* What conjugate gradients do with vectors, once for every number of columns. */
#define EACH_COLUMNS(CASE) \
    if (K == 1) { CASE(1) } else if (K == 2) { CASE(2) } else if (K == 4) { CASE(4) } else { CASE(8) }

/* x += alpha p, r -= alpha q, squares = sum r^2 by column. */
void advance(const int64_t rows, const int K, const double *restrict alpha, const double *restrict p,
             const double *restrict q, double *restrict x, double *restrict r, double *restrict squares)
{
#define ADVANCE(C) \
    double step[C], sums[C] = {0}; \
    memcpy(step, alpha, sizeof step); \
    for (int64_t i = 0; i < rows; ++i) \
        for (int k = 0; k < C; ++k) { \
            const int64_t n = i * C + k; \
            x[n] += step[k] * p[n]; \
            const double left = r[n] - step[k] * q[n]; \
            r[n] = left; \
            sums[k] += left * left; \
        } \
    memcpy(squares, sums, sizeof sums);
    EACH_COLUMNS(ADVANCE)
}

/* p = z + beta p */
void redirect(const int64_t rows, const int K, const double *restrict beta, const double *restrict z, double *restrict p)
{
#define REDIRECT(C) \
    double share[C]; \
    memcpy(share, beta, sizeof share); \
    for (int64_t i = 0; i < rows; ++i) \
        for (int k = 0; k < C; ++k) \
            p[i * C + k] = z[i * C + k] + share[k] * p[i * C + k];
    EACH_COLUMNS(REDIRECT)
}

/* products = sum a b by column. */
void project(const int64_t rows, const int K, const double *restrict a, const double *restrict b, double *restrict products)
{
#define PROJECT(C) \
    double sums[C] = {0}; \
    for (int64_t i = 0; i < rows; ++i) \
        for (int k = 0; k < C; ++k) \
            sums[k] += a[i * C + k] * b[i * C + k]; \
    memcpy(products, sums, sizeof sums);
    EACH_COLUMNS(PROJECT)
}
