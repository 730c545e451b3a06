-- 256 sets of generated files (path -> source), several KB each. Alone in their rows so that each is compressed
-- here, once: copying a column copies the compressed bytes, and 200 000 rows need no compression of their own.
CREATE TEMPORARY TABLE old_outputs ON COMMIT DROP AS
WITH nouns AS (
    SELECT name, place
    FROM unnest(ARRAY['customer', 'invoice', 'booking', 'appointment', 'lesson', 'ticket', 'shipment', 'payment',
                      'recipe', 'message', 'vehicle', 'contract']) WITH ORDINALITY AS noun (name, place)
), parts (folder, source) AS (
    VALUES ('models', E'"""The %1$s table."""\n\nfrom __future__ import annotations\n\nfrom decimal import Decimal\n'
                      'from app.database import Model, created_column, mapped_column, updated_column, uuid_key\n\n\n'
                      'class %2$s(Model):\n    __tablename__ = "%1$s"\n\n    id = uuid_key()\n'
                      '    name: str = mapped_column(max_length=%3$s)\n    note: str | None = mapped_column(default=None)\n'
                      '    total: Decimal = mapped_column(default=0)\n    created_at = created_column()\n'
                      '    updated_at = updated_column()\n'),
           ('routes', E'"""Routes of %1$s."""\n\nfrom __future__ import annotations\n\nfrom uuid import UUID\n'
                      'from fastapi import APIRouter, Depends, HTTPException\n'
                      'from app.database import Session, open_session, select_page\n\nrouter = APIRouter(prefix="/%1$s")\n'
                      '\n\n@router.get("/{key}")\nasync def read(key: UUID, session: Session = Depends(open_session)):\n'
                      '    found = await session.get(%2$s, key)\n    if found is None:\n'
                      '        raise HTTPException(status_code=404, detail="not found")\n    return found\n\n\n'
                      '@router.get("/")\nasync def browse(page: int = 1, size: int = %3$s):\n'
                      '    return await select_page(%2$s, page=page, size=size)\n')
)
SELECT n AS number,
       (SELECT json_object_agg(format('app/%s/%s.py', p.folder, noun.name),
                               format(p.source, noun.name, initcap(noun.name), 3 + (n * noun.place) % 90)
                               ORDER BY p.folder, noun.name)
        FROM nouns AS noun, parts AS p
        WHERE s.files
          AND (pg_temp.draw(s.seed, n * 64 + noun.place, 60) < 0.4 * (n / 256.0) OR (n + noun.place) % 6 = 0)
       ) AS output_files
FROM old_shape AS s, generate_series(0, 255) AS n
