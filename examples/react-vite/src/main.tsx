import { StreamEventsProvider } from '@flowfi/stream-events/react';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { Dashboard } from './dashboard';
import './style.css';

const url = import.meta.env.FLOWFI_URL ?? 'http://127.0.0.1:8080';

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <StreamEventsProvider url={url} storage="session">
      <Dashboard />
    </StreamEventsProvider>
  </StrictMode>,
);
